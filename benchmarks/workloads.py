"""The sets of images that benchmarks send, by name."""

from __future__ import annotations

import io
import itertools
import json
from collections.abc import Iterable
from pathlib import Path

from PIL import Image
from process_costs import wait_until_quiet
from server_under_test import ServerUnderTest, drive
from uploads import varied

ROOT = Path(__file__).resolve().parent.parent
PAGES = ROOT / "tests" / "data" / "pages.json"
SMALL_PRINT = ROOT / "benchmarks" / "small_print"
WORKLOADS = ("pages", "small_print")
BLANK_PASSES = 3  # then the probability that one of two workers lacks a size is 1/8

_numbers = itertools.count()


def images(workload: str, every: int = 1) -> dict[str, bytes]:
    """Every Nth image of the set by its file name; `pages` are the project's rendered ones."""
    return {path.name: path.read_bytes() for path in _files(workload)[::every]}


def distinct(sent: Iterable[bytes], times: int = 1) -> list[bytes]:
    """All images this many times, with different bytes in every body, so that none is coalesced."""
    return [varied(image, next(_numbers)) for image in [*sent] * times]


def warm_up(server: ServerUnderTest, sent: Iterable[bytes]) -> None:
    """Have the workers recognize all images and compile their shapes; wait until they are idle."""
    show_all(server, sent)
    wait_until_quiet(server.worker_pids())


def show_all(server: ServerUnderTest, sent: Iterable[bytes], times: int = 1) -> None:
    """Have the workers recognize all images this many times, and compile their shapes.

    A new size costs a worker a third of a detection. White images of the same sizes are cheap, so
    they are sent several times. Idle workers discard rare shapes.
    """
    sent = list(sent)
    for bodies in (distinct(map(_white, sent), BLANK_PASSES), distinct(sent, times)):
        drive(server.port, bodies, 4 * server.workers)


def _white(image: bytes) -> bytes:
    with Image.open(io.BytesIO(image)) as opened:
        white = Image.new("RGB", opened.size, "white")
    encoded = io.BytesIO()
    white.save(encoded, "PNG")
    return encoded.getvalue()


def _files(workload: str) -> list[Path]:
    if workload == "small_print":
        found = sorted(path for path in SMALL_PRINT.rglob("*") if path.suffix in (".png", ".jpg"))
        if not found:
            raise SystemExit(f"there are no images in {SMALL_PRINT}")
        return found
    names = [page["file"] for page in json.loads(PAGES.read_text(encoding="utf-8"))["pages"]]
    return [PAGES.with_suffix("") / name for name in names]
