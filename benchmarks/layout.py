"""Order, paragraphs and tables on the layout set, kind by kind.

    python benchmarks/layout.py [--tune] [--boxes | --images | --again] [--kind NAME …] [--sample N]
                                [--json FILE] [--worst N]

--boxes gives the layout the true lines; --images reads the images with the engine openvino, in a
process on each core; the default is both. --again lays out the lines that it read before; those of
pages that it has not read are read. The pages are drawn by tools/layout_set when they are first
needed. --tune uses the tuning half, which is what the layout may be improved on. The exit status is
1 if a kind misses a bound.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tools")]

from layout_readers import Layout, laid_out, laid_out_again, read_image  # noqa: E402

from hard_set.classes import Half  # noqa: E402
from layout_set.kinds import KINDS, PAGES_OF_A_KIND  # noqa: E402
from layout_set.score import PageScore, page_score  # noqa: E402
from layout_set.store import StoredPage, pages  # noqa: E402

LEAST_ORDER = 0.98
LEAST_TEXT = 0.97  # of the text that was read
LEAST_JOINED = 0.97
LEAST_TABLES = {"ruled tables": 0.95, "unruled tables": 0.85}

Reader = Callable[[Sequence[StoredPage]], Iterable[Layout]]


class KindScore(NamedTuple):
    """The figures of a kind; None for what it does not have. milliseconds: of CPU for a page."""

    kind: str
    order: float
    text: float
    read: float
    joined: float
    tables: float | None
    raster: float | None
    extra: int
    found: float
    milliseconds: float


def main() -> int:
    """Print a table for each reader; returns the exit status."""
    arguments = _parse()
    half: Half = "tuning" if arguments.tune else "test"
    chosen = pages(half, arguments.kind, arguments.sample)
    found: dict[str, list[KindScore]] = {}
    problems: list[str] = []
    with ProcessPoolExecutor() as processes:
        readers: dict[str, Reader] = {}
        every = not (arguments.boxes or arguments.images or arguments.again)
        if every or arguments.boxes:
            readers["layout of the true lines"] = lambda its: map(laid_out, its)
        if every or arguments.images:
            readers["read by the engine"] = lambda its: processes.map(read_image, its)
        if arguments.again:
            readers["layout of the lines of the engine"] = lambda its: processes.map(
                laid_out_again, its
            )
        for name, reader in readers.items():
            print(f"\n{name}, {half} half")
            found[name] = list(print_table(chosen, reader, arguments.worst))
            problems += [f"{name}: {each}" for each in missed_bounds(found[name])]
    if arguments.json:
        stored = {name: [row._asdict() for row in rows] for name, rows in found.items()}
        arguments.json.write_text(json.dumps(stored, indent=1) + "\n", encoding="utf-8")
    print()
    for problem in problems:
        print(problem)
    return 1 if problems else 0


def print_table(chosen: Sequence[StoredPage], reader: Reader, worst: int) -> Iterator[KindScore]:
    """One row for each kind, and its worst pages."""
    print(f"{'kind':22}" + "".join(f"{name:>9}" for name in KindScore._fields[1:-1]) + "       ms")
    for kind in dict.fromkeys(page.kind for page in chosen):
        its = [page for page in chosen if page.kind == kind]
        read = list(reader(its))
        scores = [
            page_score(page.truth, layout.blocks) for page, layout in zip(its, read, strict=True)
        ]
        same = [layout.same_raster for layout in read if layout.same_raster is not None]
        milliseconds = 1000 * fmean(layout.seconds for layout in read)
        row = kind_score(kind, scores, fmean(same) if same else None, milliseconds)
        print(
            f"{kind:22}{row.order:9.4f}{row.text:9.4f}{row.read:9.4f}{row.joined:9.4f}"
            f"{_share(row.tables)}{_share(row.raster)}{row.extra:9}{row.found:9.4f}{row.milliseconds:9.1f}",
            flush=True,
        )
        for page, score in sorted(zip(its, scores, strict=True), key=_goodness)[:worst]:
            print(f"    {page.path.name}: {score}")
        yield row


def _share(value: float | None) -> str:
    return f"{'-':>9}" if value is None else f"{value:9.4f}"


def kind_score(
    kind: str, scores: Sequence[PageScore], raster: float | None, milliseconds: float
) -> KindScore:
    """The mean over pages of the order; over characters, pairs, tables and lines of the others."""
    tables = [value for score in scores for value in score.tables]
    pairs = sum(score.pairs for score in scores)
    characters = sum(score.characters for score in scores)
    return KindScore(
        kind,
        fmean(score.order for score in scores),
        1 - sum(score.wrong for score in scores) / characters,
        1 - sum(score.misread for score in scores) / characters,
        sum(score.joined for score in scores) / pairs if pairs else 1.0,
        fmean(tables) if tables else None,
        raster,
        sum(score.extra for score in scores),
        sum(score.found for score in scores) / sum(score.lines for score in scores),
        milliseconds,
    )


def missed_bounds(rows: Sequence[KindScore]) -> list[str]:
    """What is below its bound, kind by kind."""
    missed = []
    for row in rows:
        bounds = [
            ("order", row.order, LEAST_ORDER),
            ("text", row.text, LEAST_TEXT * row.read),
            ("joined", row.joined, LEAST_JOINED),
        ]
        if row.kind in LEAST_TABLES and row.tables is not None:
            bounds.append(("tables", row.tables, LEAST_TABLES[row.kind]))
        if row.raster is not None:
            bounds.append(("raster", row.raster, 1.0))
        for name, value, least in bounds:
            if value < least:
                missed.append(f"{row.kind}: {name} {value:.4f}, at least {least:.4g}")
    return missed


def _goodness(pair: tuple[StoredPage, PageScore]) -> float:
    score = pair[1]
    joined = score.joined / score.pairs if score.pairs else 1.0
    return score.order - score.wrong / score.characters + joined + min(score.tables, default=1.0)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--tune", action="store_true", help="the tuning half, not the test half")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--boxes", action="store_true", help="only the layout of the true lines")
    which.add_argument("--images", action="store_true", help="only the images, read by the engine")
    which.add_argument("--again", action="store_true", help="only the lines that it read before")
    parser.add_argument("--kind", nargs="+", default=KINDS, choices=KINDS, metavar="NAME")
    parser.add_argument("--sample", type=int, default=PAGES_OF_A_KIND, metavar="N")
    parser.add_argument("--worst", type=int, default=0, metavar="N", help="list the worst N pages")
    parser.add_argument("--json", type=Path, help="write the figures of each kind")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
