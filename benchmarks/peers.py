"""Compares this server with PaddleX serving and RapidOCR's API server, with the same weights.

    python benchmarks/peers.py [--rounds 3] [--seconds 20] [--every 1] [--clients 8] [--no-sweep]

First, each peer's settings of threads and processes are tried on a few pages; the one with the
most images/s is its best (--no-sweep uses the best of the last results). Then the rounds run this
server with its own API and with PaddleX's, and each peer with its defaults and its best settings
(A B C A B C …). Each server is started, warmed up, measured on both sets of pages with clients in
a closed loop, and stopped. Prints tables of medians, and writes results/peers.json. Nothing else
may run on the machine.

In five minutes: --rounds 1 --every 3 --seconds 5 --no-sweep
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from functools import cache
from itertools import chain, islice
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tools")]

from machine import RESULTS, write_results  # noqa: E402
from peer_servers.contender import Contender, ThisServer  # noqa: E402
from peer_servers.measurement import Figures, Run, measure, read_pages  # noqa: E402
from peer_servers.our_paddlex import OurPaddleX  # noqa: E402
from peer_servers.paddlex_serving import PaddleXServing  # noqa: E402
from peer_servers.rapidocr_server import RapidOcrApi  # noqa: E402
from uploads import Page  # noqa: E402
from workloads import PAGES, SMALL_PRINT  # noqa: E402

from text_accuracy import errors_and_length  # noqa: E402

MANIFESTS = {"rendered": PAGES, "small print": SMALL_PRINT / "pages.json"}
# The first of each peer has its default settings.
PEERS: tuple[list[Contender], ...] = (
    [
        PaddleXServing(),
        PaddleXServing(1),
        PaddleXServing(2),
        PaddleXServing(1, concurrent=True),
        PaddleXServing(2, concurrent=True),
        PaddleXServing(1, concurrent=True, classifier=True),
    ],
    [
        RapidOcrApi(),
        RapidOcrApi(1),
        RapidOcrApi(2),
        RapidOcrApi(1, workers=2),
        RapidOcrApi(workers=2),
    ],
)
SWEEP_EVERY = 4
ACCURACY_SLACK = 0.001


@dataclass(frozen=True)
class Row:
    """A server with one setting on one set of pages: the medians of its rounds, its accuracy."""

    server: str
    setting: str
    pages: str
    accuracy: float
    median: Figures
    rounds: tuple[Figures, ...]


@dataclass(frozen=True)
class Tried:
    """A setting of a peer in the sweep."""

    server: str
    setting: str
    images_per_second: float
    accuracy: float
    failed: int


Sets = dict[str, dict[str, Page]]
Runs = dict[tuple[str, str, str], list[Run]]


def main() -> int:
    """Sweep, run the rounds, print and write the results."""
    arguments = _parse()
    sets = {name: read_pages(path, arguments.every) for name, path in MANIFESTS.items()}
    sweep = _last_sweep() if arguments.no_sweep else run_sweep(sets, arguments)
    contenders = _contenders(sweep)
    runs = run_rounds(contenders, sets, arguments)
    rows = [_row(key, of_key, sets[key[2]]) for key, of_key in runs.items()]
    _print(rows)
    figures = {
        "settings": {
            **vars(arguments),
            "pages": {name: len(pages) for name, pages in sets.items()},
        },
        "servers": [_described(contender) for contender in contenders],
        "sweep": [asdict(tried) for tried in sweep],
        "rows": [asdict(row) for row in rows],
    }
    print(f"written to {write_results('peers', figures).relative_to(ROOT)}")
    return 0


def run_sweep(sets: Sets, arguments: argparse.Namespace) -> list[Tried]:
    """Try each peer's settings on a few pages of both sets."""
    few = {
        name: page
        for pages in sets.values()
        for name, page in islice(pages.items(), 0, None, SWEEP_EVERY)
    }
    sweep = []
    for contender in chain.from_iterable(PEERS):
        with contender.start() as server:
            run = measure(contender, server, few, arguments.clients, min(10, arguments.seconds))
        speed, accuracy = run.figures.images_per_second, _accuracy([run], few)
        name = contender.server, contender.setting
        sweep.append(Tried(*name, speed, accuracy, run.figures.failed))
        print(f"sweep: {_shown(*name)} {speed:6.3f} images/s, accuracy {accuracy:.4f}", flush=True)
    return sweep


def run_rounds(contenders: list[Contender], sets: Sets, arguments: argparse.Namespace) -> Runs:
    """Run each server and setting on each set, alternately (A B C A B C …)."""
    runs: Runs = {}
    for number in range(arguments.rounds):
        for contender in contenders:
            with contender.start() as server:
                for name, pages in sets.items():
                    run = measure(contender, server, pages, arguments.clients, arguments.seconds)
                    key = (contender.server, contender.setting, name)
                    runs.setdefault(key, []).append(run)
                    speed = f"{run.figures.images_per_second:6.3f} images/s"
                    print(f"round {number + 1}: {_shown(*key[:2])} {name}: {speed}", flush=True)
    return runs


def _contenders(sweep: list[Tried]) -> list[Contender]:
    """This server, also with PaddleX's API, and each peer with its defaults and its best settings.

    Settings that lose answers or accuracy compared with the defaults are excluded.
    """
    chosen: list[Contender] = [ThisServer(), OurPaddleX()]
    for settings in PEERS:
        tried = [row for row in sweep if row.server == settings[0].server]
        sound = [
            row
            for row in tried
            if not row.failed and row.accuracy >= tried[0].accuracy - ACCURACY_SLACK
        ]
        best = max(sound, key=lambda row: row.images_per_second, default=None)
        chosen.append(settings[0])
        chosen += [c for c in settings[1:] if best and c.setting == best.setting]
    return chosen


def _last_sweep() -> list[Tried]:
    """The sweep in the existing results; empty if there are none."""
    path = RESULTS / "peers.json"
    rows = json.loads(path.read_text(encoding="utf-8"))["sweep"] if path.exists() else []
    return [Tried(**row) for row in rows]


def _row(key: tuple[str, str, str], runs: list[Run], pages: Mapping[str, Page]) -> Row:
    figures = tuple(run.figures for run in runs)
    median = {
        field.name: statistics.median(getattr(each, field.name) for each in figures)
        for field in fields(Figures)
    }
    return Row(*key, _accuracy(runs, pages), Figures(**median), figures)


def _accuracy(runs: list[Run], pages: Mapping[str, Page]) -> float:
    """Character accuracy over all answers; an image without an answer is all wrong."""
    readings = [reading for run in runs for reading in run.readings]
    errors = [_errors(pages[name].lines, lines) for name, lines in readings]
    wrong, total = map(sum, zip(*errors, strict=True))
    return 1 - float(wrong) / float(total)


@cache
def _errors(expected: tuple[str, ...], read: tuple[str, ...]) -> tuple[int, int]:
    """Cached, as most servers give the same result in each pass, and long texts take seconds."""
    return errors_and_length(expected, read)


def _described(contender: Contender) -> dict[str, Any]:
    return {
        "server": contender.server,
        "setting": contender.setting,
        "settings": contender.settings,
        "versions": contender.versions,
    }


def _print(rows: list[Row]) -> None:
    print(f"{'':48} images/s   p50   p95   p99 s  CPU s/image  PSS MB   accuracy  failed")
    for row in sorted(rows, key=lambda row: row.pages):
        of = row.median
        print(
            f"{row.pages:11} {_shown(row.server, row.setting)} {of.images_per_second:8.3f} "
            f"{of.p50:5.2f} {of.p95:5.2f} {of.p99:5.2f} {of.cpu_per_image:14.3f} "
            f"{of.peak_pss_mb:8.0f} {row.accuracy:9.4f} {of.failed:7.0f}"
        )
    for row in rows[len(MANIFESTS) :]:
        ours = next(each for each in rows if each.pages == row.pages)
        ratio = ours.median.images_per_second / row.median.images_per_second
        print(f"{ours.server} / {_shown(row.server, row.setting)} {row.pages:11} {ratio:.2f}")


def _shown(server: str, setting: str) -> str:
    return f"{server} ({setting})".ljust(36)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=20, help="at least so long for each set")
    parser.add_argument("--every", type=int, default=1, help="take each Nth page")
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--no-sweep", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
