"""The pages of the layout set on disk: drawn when they are first needed, never committed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import PIL

from chromium import VERSION
from hard_set.classes import Half
from hard_set.fonts import fetch_fonts
from layout_set import browser, office
from layout_set.debian_texts import fetch_documents
from layout_set.kinds import KINDS, PAGES_OF_A_KIND, needs_debian, sheet
from layout_set.sheet import OfficeSheet, Sheet
from layout_set.truth import TruePage

FOLDER = Path(__file__).resolve().parents[2] / "dist" / "layout_set"


@dataclass(frozen=True, slots=True)
class StoredPage:
    """An image file with its kind and what is known of it."""

    path: Path
    kind: str
    truth: TruePage


class _Wanted(NamedTuple):
    """A page of the set: the file of what is known of it, and a digest of how it is drawn."""

    path: Path
    kind: str
    sheet: Sheet | OfficeSheet
    key: str


def pages(
    half: Half, kinds: Sequence[str] = KINDS, count: int = PAGES_OF_A_KIND
) -> list[StoredPage]:
    """The first `count` pages of each kind; draws those that are missing or have changed.

    NoProgram if fonts or documents or LibreOffice cannot be fetched; NoChromium without a browser.
    """
    if any(map(needs_debian, kinds)):
        fetch_documents()
    (FOLDER / half).mkdir(parents=True, exist_ok=True)
    wanted = [_wanted(half, kind, number) for kind in kinds for number in range(count)]
    found = {each.path: page for each in wanted if (page := _read(each)) is not None}
    missing = [each for each in wanted if each.path not in found]
    if missing:
        fetch_fonts()
        print(f"drawing {len(missing)} pages ...", flush=True)
        for each, image, truth in _drawn(missing):
            found[each.path] = _keep(each, image, truth)
    return [found[each.path] for each in wanted]


def _drawn(missing: Sequence[_Wanted]) -> Iterator[tuple[_Wanted, bytes, TruePage]]:
    """The images of pages, and what is known of them."""
    in_browser = [(each, each.sheet) for each in missing if isinstance(each.sheet, Sheet)]
    in_office = [(each, each.sheet) for each in missing if isinstance(each.sheet, OfficeSheet)]
    drawn = chain(
        browser.draw_all([its_sheet for _, its_sheet in in_browser], FOLDER),
        office.draw_all([its_sheet for _, its_sheet in in_office], FOLDER),
    )
    for (each, _), (image, truth) in zip([*in_browser, *in_office], drawn, strict=True):
        yield each, image, truth


def _wanted(half: Half, kind: str, number: int) -> _Wanted:
    its_sheet = sheet(kind, half, number)
    drawing = _office_digest() if isinstance(its_sheet, OfficeSheet) else _browser_digest()
    key = hashlib.sha256(f"{drawing} {its_sheet}".encode()).hexdigest()
    name = f"{kind.replace(' ', '_').replace(',', '')}_{number:02d}.json"
    return _Wanted(FOLDER / half / name, kind, its_sheet, key)


def _keep(wanted: _Wanted, image: bytes, truth: TruePage) -> StoredPage:
    """Write the image, then the file that says that it is there."""
    drawn = StoredPage(wanted.path.with_suffix(".png"), wanted.kind, truth)
    drawn.path.write_bytes(image)
    stored = {"key": wanted.key, **truth.to_json()}
    wanted.path.write_text(json.dumps(stored, ensure_ascii=False), encoding="utf-8")
    return drawn


def _read(wanted: _Wanted) -> StoredPage | None:
    """The stored page; None if there is none with this key."""
    if not wanted.path.is_file():
        return None
    stored = json.loads(wanted.path.read_text(encoding="utf-8"))
    if stored["key"] != wanted.key:
        return None
    truth = TruePage.from_json(stored)
    return StoredPage(wanted.path.with_suffix(".png"), wanted.kind, truth)


@cache
def _browser_digest() -> str:
    """A digest of what draws sheets: these files, Pillow and Chromium."""
    return _digest((PIL.__version__, VERSION), ("browser.py", "lines.js"))


@cache
def _office_digest() -> str:
    """A digest of what draws documents: this file, Pillow and PDFium."""
    return _digest((PIL.__version__, version("pypdfium2")), ("office.py",))


def _digest(versions: Iterable[str], files: Iterable[str]) -> str:
    digest = hashlib.sha256(" ".join(versions).encode())
    for name in files:
        digest.update(Path(__file__).with_name(name).read_bytes())
    return digest.hexdigest()
