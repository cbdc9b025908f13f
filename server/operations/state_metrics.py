"""The state of the engine, the cache and the server in /metrics."""

from __future__ import annotations

import contextlib
import itertools
from collections import Counter as Count
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol, get_args

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from cache.result_cache import ResultCache
from ocr_engine.engine import (
    START_BOUNDS,
    Engine,
    EngineStats,
    RemoteStats,
    StartTimes,
    WorkerState,
)
from ocr_engine.pool.exits import EXIT_LABELS
from server.disk_space import free_bytes
from server.formats.answer import CacheOutcome

CACHE_RESULTS: tuple[CacheOutcome, ...] = get_args(CacheOutcome)


class OpenConnections(Protocol):
    """The number of open client connections, and its limit."""

    open: int
    limit: int


class ServerState(Collector):
    """Collects the state of pool and cache for each request of /metrics."""

    def __init__(
        self,
        engine: Engine,
        cache: ResultCache,
        inflight_bytes: Callable[[], int],
        connections: OpenConnections,
        folders: Mapping[str, Path],
        cache_results: Count[str],
    ) -> None:
        self._engine = engine
        self._cache = cache
        self._inflight_bytes = inflight_bytes
        self._connections = connections
        self._folders = folders
        self._cache_results = cache_results

    def describe(self) -> list[Metric]:
        """The names of the metrics, for the registry; the same as those of collect()."""
        return list(self.collect())

    def collect(self) -> Iterator[Metric]:
        """See prometheus_client's Collector."""
        stats, gauge = self._engine.stats(), GaugeMetricFamily
        yield gauge("ocr_queue_depth", "Images that wait for a worker.", stats.queued)
        yield gauge("ocr_running", "Images being recognized.", stats.running)
        yield gauge(
            "ocr_expected_wait_seconds",
            "Expected wait for a worker of an image sent now.",
            stats.expected_wait_seconds,
        )
        yield gauge(
            "ocr_inflight_bytes",
            "Bytes of images being received, queued or recognized, and of answers not yet sent.",
            self._inflight_bytes(),
        )
        yield gauge("ocr_connections", "Open client connections.", self._connections.open)
        yield gauge(
            "ocr_connections_max",
            "Maximum number of open client connections, from the limit on open files.",
            self._connections.limit,
        )
        yield CounterMetricFamily(
            "ocr_recognitions", "Images that workers have finished.", stats.completed
        )
        yield gauge("ocr_cache_entries", "Results in the cache.", len(self._cache))
        yield gauge("ocr_cache_bytes", "Bytes of the results in the cache.", self._cache.size_bytes)
        results = CounterMetricFamily(
            "ocr_cache_requests", "Requests by cache outcome.", labels=("result",)
        )
        for result in CACHE_RESULTS:
            results.add_metric((result,), self._cache_results[result])
        yield results
        if stats.has_workers:
            yield from _worker_metrics(stats)
        yield _start_times(stats.starts)
        yield from _remote_metrics(stats.remote)
        yield self._disk_space()

    def _disk_space(self) -> Metric:
        free = GaugeMetricFamily(
            "ocr_disk_free_bytes", "Room on the disk of a folder.", labels=("folder",)
        )
        for name, folder in self._folders.items():
            with contextlib.suppress(OSError):  # a disk that fails
                free.add_metric((name,), free_bytes(folder))
        return free


def _start_times(starts: StartTimes) -> Metric:
    bounds = (*map(str, START_BOUNDS), "+Inf")
    buckets = zip(bounds, itertools.accumulate(starts.counts), strict=True)
    return HistogramMetricFamily(
        "ocr_worker_start_seconds",
        "Time from spawning a worker until it is ready.",
        buckets=list(buckets),
        sum_value=starts.seconds,
    )


def _remote_metrics(sets: Sequence[RemoteStats]) -> Iterator[Metric]:
    """The figures of model sets on other servers."""
    queued = GaugeMetricFamily(
        "ocr_remote_queue_depth",
        "Images that wait for models on another server.",
        labels=("models",),
    )
    running = GaugeMetricFamily(
        "ocr_remote_running", "Images that models on another server read.", labels=("models",)
    )
    attempts = CounterMetricFamily(
        "ocr_remote_requests",
        "Requests to the servers of models: ok, retried, or failed for good.",
        labels=("models", "outcome"),
    )
    for each in sets:
        queued.add_metric((each.name,), each.queued)
        running.add_metric((each.name,), each.running)
        for outcome in ("ok", "retried", "failed"):
            attempts.add_metric((each.name, outcome), each.attempts.get(outcome, 0))
    yield from (queued, running, attempts)


def _worker_metrics(stats: EngineStats) -> Iterator[Metric]:
    states = Count(worker.state for worker in stats.workers)
    workers = GaugeMetricFamily("ocr_workers", "Workers by state.", labels=("state",))
    for state in WorkerState:
        workers.add_metric((state.value,), states[state])
    yield workers
    rss = GaugeMetricFamily(
        "ocr_worker_rss_bytes",
        "Resident memory of a worker; at most half a second old while it is busy.",
        labels=("pid",),
    )
    for worker in stats.workers:
        if worker.pid is not None:
            rss.add_metric((str(worker.pid),), worker.rss_mb << 20)
    yield rss
    restarts = CounterMetricFamily(
        "ocr_worker_restarts", "Workers that were recycled or lost, by reason.", labels=("reason",)
    )
    # all of them from the start: to a monitoring system, a new series is no increase
    for reason, count in {**dict.fromkeys(EXIT_LABELS, 0), **stats.restarts}.items():
        restarts.add_metric((reason,), count)
    yield restarts
