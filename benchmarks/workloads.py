"""The pictures that benchmarks send, by the name of their set."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable
from pathlib import Path

from arrivals import varied

ROOT = Path(__file__).resolve().parent.parent
PAGES = ROOT / "tests" / "data" / "pages.json"
SMALL_PRINT = ROOT / "benchmarks" / "small_print"
WORKLOADS = ("pages", "small_print")

_numbers = itertools.count()


def pictures(workload: str, every: int = 1) -> dict[str, bytes]:
    """Every Nth picture of the set by its file name; `pages` are the project's rendered ones."""
    return {path.name: path.read_bytes() for path in _files(workload)[::every]}


def distinct(sent: Iterable[bytes], times: int = 1) -> list[bytes]:
    """All pictures so many times as bodies of which no two are ever equal: none joins another."""
    return [varied(picture, next(_numbers)) for picture in [*sent] * times]


def _files(workload: str) -> list[Path]:
    if workload == "small_print":
        found = sorted(path for path in SMALL_PRINT.rglob("*") if path.suffix in (".png", ".jpg"))
        if not found:
            raise SystemExit(f"there are no pictures in {SMALL_PRINT}")
        return found
    names = [page["file"] for page in json.loads(PAGES.read_text(encoding="utf-8"))["pages"]]
    return [PAGES.with_suffix("") / name for name in names]
