"""How idle cores speed up one image, and the cost when no core is idle.

    python benchmarks/idle_cores.py [--workers 2] [--rounds 3] [--every 2] [--clients 50]

1. One client sends pages one at a time to an idle server with several workers and
   ocr.process.idle_cores on, and to a server with one worker and the setting off. The servers
   alternate (A B A B ...); each turn has two passes over all pages, and the second counts. For
   each page, the median of the rounds counts. Alternating after each page would fill the
   processor's cache with the other server's models, which does not happen in practice.
2. 4 clients per worker: images/s with the setting on and off, alternately (A B A B ...). All pages
   are sent before each turn, because idle workers discard some compiled shapes.
3. Many clients send the same new image concurrently (benchmarks/scenarios.py): the slowest answer
   is compared with one recognition on the same idle server.

Before each turn, the other server's workers are quiet: they prepare shapes when they become idle.

Writes results/idle_cores.json. Nothing else may run on the machine.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT)]

import scenarios  # noqa: E402
from machine import write_results  # noqa: E402
from process_costs import wait_until_quiet  # noqa: E402
from server_under_test import Verdict, drive, serving  # noqa: E402
from workloads import distinct, images, show_all, warm_up  # noqa: E402

MAX_LATENCY_RATIO = 0.65
MAX_COST = 0.02
MAX_SAME_RATIO = 1.15
SAME_IMAGES = 5
SHOWN_TIMES = 3
FULL_TIMES = 10  # passes per worker and turn; both workers share the first image


def main() -> int:
    """Run the three comparisons; returns 1 if one misses its target."""
    arguments = _parse()
    pages = images("pages", arguments.every)
    verdict = Verdict()
    figures = {
        "latency": latency(pages, arguments, verdict),
        "full": full(list(pages.values()), arguments, verdict),
        "same": same(arguments, verdict),
    }
    write_results("idle_cores", {"workers": arguments.workers, **figures})
    return verdict.print()


def settings(workers: int, idle_cores: bool, cache: bool = False) -> dict[str, Any]:
    """The settings of scenarios.py, with idle_cores on or off."""
    chosen = scenarios.settings(workers, cache)
    chosen["ocr"]["process"]["idle_cores"] = idle_cores
    return chosen


def latency(
    pages: dict[str, bytes], arguments: argparse.Namespace, verdict: Verdict
) -> dict[str, Any]:
    """One client: seconds of each page on one worker and on an idle server."""
    alone: dict[str, list[float]] = {name: [] for name in pages}
    helped: dict[str, list[float]] = {name: [] for name in pages}
    with (
        serving(settings(1, False)) as single,
        serving(settings(arguments.workers, True)) as idle,
    ):
        for _ in range(arguments.rounds):
            for server, other, latencies in ((single, idle, alone), (idle, single, helped)):
                wait_until_quiet([*other.worker_pids(), *server.worker_pids()])
                drive(server.port, [*pages.values()], 1)
                for name, page in pages.items():
                    latencies[name] += drive(server.port, [page], 1).latencies
    rows = {
        name: (statistics.median(alone[name]), statistics.median(helped[name])) for name in pages
    }
    ratios = [after / before for before, after in rows.values()]
    for (name, (before, after)), ratio in zip(rows.items(), ratios, strict=True):
        print(f"{name:28} {before:.3f} s, with idle cores {after:.3f} s, {ratio:.3f}")
    total = sum(after for _, after in rows.values()) / sum(before for before, _ in rows.values())
    mean = statistics.mean(ratios)
    text = (
        f"mean of the pages {mean:.3f} ({min(ratios):.3f} to {max(ratios):.3f}), of all {total:.3f}"
    )
    verdict.row("one client", text, mean <= MAX_LATENCY_RATIO)
    seconds = {name: {"one_core": a, "idle_cores": b} for name, (a, b) in rows.items()}
    return {"mean_ratio": mean, "ratio_of_sums": total, "seconds": seconds}


def full(pages: Sequence[bytes], arguments: argparse.Namespace, verdict: Verdict) -> dict[str, Any]:
    """Many clients: images/s with the setting on and off; compiling shapes is not counted."""
    rates: dict[bool, list[float]] = {True: [], False: []}
    with (
        serving(settings(arguments.workers, True)) as on,
        serving(settings(arguments.workers, False)) as off,
    ):
        for _ in range(arguments.rounds):
            for is_on, server, other in ((True, on, off), (False, off, on)):
                wait_until_quiet(other.worker_pids())
                show_all(server, pages, SHOWN_TIMES)
                sent = distinct(pages, FULL_TIMES * arguments.workers)
                rates[is_on].append(drive(server.port, sent, 4 * arguments.workers).per_second)
    ratios = [with_it / without for with_it, without in zip(*rates.values(), strict=True)]
    ratio = statistics.median(ratios)
    each = ", ".join(f"{one:.3f}" for one in ratios)
    text = f"{ratio:.3f} times the images/s without it ({each})"
    verdict.row(f"{4 * arguments.workers} clients", text, ratio >= 1 - MAX_COST)
    return {"ratio": ratio, "images_per_second": {"on": rates[True], "off": rates[False]}}


def same(arguments: argparse.Namespace, verdict: Verdict) -> dict[str, Any]:
    """Many clients with one new image, for some pages: the slowest answer against one client's."""
    names = list(images("pages"))[:: max(1, 45 // SAME_IMAGES)]
    ratios = []
    with serving(settings(arguments.workers, True, cache=True)) as server:
        warm_up(server, images("pages").values())
        for name in names:
            image = scenarios.padded_jpeg(scenarios.PAGES / name)
            alone = scenarios.one_after_the_other(server, image)
            with tempfile.TemporaryDirectory() as folder:
                (Path(folder) / "page.jpg").write_bytes(image)
                answers = scenarios.load(server, folder, "same", arguments.clients)
            slowest = scenarios.different_max(answers) / 1000
            ratios.append(slowest / alone)
            print(f"{name:28} one {alone:.3f} s, slowest of {arguments.clients} {slowest:.3f} s")
    ratio = statistics.median(ratios)
    each = ", ".join(f"{one:.3f}" for one in ratios)
    text = f"slowest {ratio:.3f} times one recognition ({each})"
    verdict.row(f"{arguments.clients} clients, one image", text, ratio <= MAX_SAME_RATIO)
    return {"ratio": ratio, "ratios": ratios}


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--every", type=int, default=2, help="take each Nth page")
    parser.add_argument("--clients", type=int, default=50)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
