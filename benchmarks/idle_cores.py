"""What idle cores give to one image, and what that costs when none is idle.

    python benchmarks/idle_cores.py [--workers 2] [--rounds 3] [--every 2] [--clients 50]

1. One client, one page after the other: an idle server with several workers and
   ocr.process.idle_cores on, against a server with one worker and the setting off. In turns (A B A
   B ...) of two passes over all pages, of which the second counts; a page's median of the rounds.
   Not in turns from page to page: each server would find the processor's cache full of the other
   one's models, as no server does that is alone on its machine.
2. 4 clients per worker: images/s with the setting on against off, in turns (A B A B ...). Before
   each turn all pages were shown: in a pause workers forget some sizes.
3. Many clients with the same new image at once (benchmarks/scenarios.py): the slowest answer
   against one recognition on the same server, idle.

Before each turn the other server's workers have come to rest: they compute in a pause.

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
FULL_TIMES = 10  # that each worker reads the pages in a turn: the first image is read by both


def main() -> int:
    """The three comparisons; 1 if one misses its target."""
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
    """Those of scenarios.py, with the setting on or off."""
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
    """Many clients: images/s on and off, in turns; what workers forget meanwhile is not counted."""
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
    """Many clients, one new image, for some pages: the slowest answer against one client's."""
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
