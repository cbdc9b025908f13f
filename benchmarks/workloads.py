"""The pictures that benchmarks send, by the name of their set."""

from __future__ import annotations

import json
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGES = ROOT / "tests" / "data" / "pages.json"
SMALL_PRINT = ROOT / "benchmarks" / "small_print"
WORKLOADS = ("pages", "small_print")


def pictures(workload: str, every: int = 1) -> dict[str, bytes]:
    """Every Nth picture of the set by its file name; `pages` are the project's rendered ones."""
    return {path.name: path.read_bytes() for path in _files(workload)[::every]}


def _files(workload: str) -> list[Path]:
    if workload == "small_print":
        found = sorted(path for path in SMALL_PRINT.rglob("*") if path.suffix in (".png", ".jpg"))
        if not found:
            raise SystemExit(f"there are no pictures in {SMALL_PRINT}")
        return found
    names = [page["file"] for page in json.loads(PAGES.read_text(encoding="utf-8"))["pages"]]
    return [PAGES.with_suffix("") / name for name in names]
