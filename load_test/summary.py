"""The numbers of a run: counts, rates and percentiles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from load_test.answers import CACHE_OUTCOMES, Tally
from load_test.traffic import KINDS

PERCENTILES = (50, 95, 99)
LATENCY_KEYS = ("mean", "p50", "p95", "p99", "max")
TIMELINE_STEPS = 40
ANSWERS_PER_STEP = 5  # with fewer, the plot shows single answers
_STEP_SECONDS = (
    0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 300, 600, 3600
)  # fmt: skip

Latency = dict[str, float | None]


@dataclass(frozen=True, slots=True)
class Timeline:
    """Good and failed answers per time step, in seconds."""

    step_seconds: float
    ok: tuple[int, ...]
    failures: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Summary:
    """The numbers of a scenario; throughput and latencies are those of good answers.

    rate: due requests per second, in an open loop. late_ms: how late they were sent. kinds:
    latencies of unique, duplicate and cached requests of a mix.
    """

    scenario: str
    requests: int
    ok: int
    failures: int
    cache: dict[str, int]
    wall_seconds: float
    images_per_second: float
    latency_ms: Latency
    reasons: dict[str, int]
    rate: float | None = None
    late_ms: Latency | None = None
    kinds: dict[str, Latency] = field(default_factory=dict)
    timeline: Timeline | None = None


def summarise(name: str, tally: Tally, rate: float | None = None) -> Summary:
    """Compute the numbers of a run."""
    every = (*tally.ended, *tally.failed_at)
    wall = max(every, default=0.0)
    ok = len(tally.ended)
    kinds = {kind: tally.of_kind(kind) for kind in KINDS}
    mixed = sum(map(bool, kinds.values())) > 1
    return Summary(
        scenario=name,
        requests=tally.done,
        ok=ok,
        failures=tally.failures,
        cache={outcome: tally.cache[outcome] for outcome in CACHE_OUTCOMES},
        wall_seconds=wall,
        images_per_second=ok / wall if wall else 0.0,
        latency_ms=latency_ms(tally.latencies),
        reasons=dict(tally.reasons.most_common()),
        rate=rate,
        late_ms=latency_ms(tally.late) if rate is not None else None,
        kinds={kind: latency_ms(found) for kind, found in kinds.items() if found and mixed},
        timeline=timeline(tally, wall),
    )


def latency_ms(seconds: Sequence[float]) -> Latency:
    """Mean, percentiles and maximum in milliseconds; None if there are no answers."""
    if not seconds:
        return dict.fromkeys(LATENCY_KEYS)
    ordered = sorted(each * 1000 for each in seconds)
    found: Latency = {"mean": sum(ordered) / len(ordered)}
    found |= {f"p{percent}": percentile(ordered, percent) for percent in PERCENTILES}
    return {**found, "max": ordered[-1]}


def percentile(ordered: Sequence[float], percent: float) -> float:
    """A percentile, by linear interpolation between the closest ranks."""
    rank = (len(ordered) - 1) * percent / 100
    low, high = ordered[int(rank)], ordered[min(int(rank) + 1, len(ordered) - 1)]
    return low + (high - low) * (rank - int(rank))


def timeline(tally: Tally, wall: float) -> Timeline:
    """Answers per time step; about TIMELINE_STEPS steps, or fewer for few answers."""
    steps = min(TIMELINE_STEPS, max(1, tally.done // ANSWERS_PER_STEP))
    step = next((s for s in _STEP_SECONDS if wall / s <= steps), _STEP_SECONDS[-1])
    ok, failures = ([0] * (int(wall / step) + 1) for _ in range(2))
    for counts, times in ((ok, tally.ended), (failures, tally.failed_at)):
        for ended in times:
            counts[int(max(0.0, ended) / step)] += 1
    return Timeline(step, tuple(ok), tuple(failures))
