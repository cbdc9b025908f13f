"""The pages of the layout set on disk: made when they are first needed, never committed."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import PIL
from playwright.sync_api import Page as Tab

from chromium import VERSION
from hard_set.fonts import fetch_fonts
from layout_set.browser import browser_tab, draw
from layout_set.debian_texts import fetch_documents
from layout_set.kinds import KINDS, PAGES_OF_A_KIND, needs_debian, sheet
from layout_set.sheet import Half
from layout_set.truth import TruePage

FOLDER = Path(__file__).resolve().parents[2] / "dist" / "layout_set"
_NOT_DRAWN = ("store.py", "matching.py", "score.py", "table_trees.py")


@dataclass(frozen=True, slots=True)
class StoredPage:
    """An image file with its kind and what is known of it."""

    path: Path
    kind: str
    truth: TruePage


def pages(
    half: Half, kinds: Sequence[str] = KINDS, count: int = PAGES_OF_A_KIND
) -> list[StoredPage]:
    """The first `count` pages of each kind; draws those that are missing.

    NoProgram if fonts or documents cannot be fetched; NoChromium if there is no browser.
    """
    folder = FOLDER / f"pages-{_digest()}" / half
    missing = [
        (kind, number)
        for kind in kinds
        for number in range(count)
        if not _truth_file(folder, kind, number).is_file()
    ]
    if missing:
        fetch_fonts()
        if any(needs_debian(kind) for kind, _ in missing):
            fetch_documents()
        folder.mkdir(parents=True, exist_ok=True)
        print(f"drawing {len(missing)} pages ...", flush=True)
        with browser_tab(FOLDER) as tab:
            for kind, number in missing:
                _draw(tab, folder, kind, half, number)
    return [_read(folder, kind, number) for kind in kinds for number in range(count)]


def clear_old() -> None:
    """Remove the pages of earlier versions of this package."""
    for folder in FOLDER.glob("pages-*"):
        if folder.name != f"pages-{_digest()}":
            shutil.rmtree(folder)


def _draw(tab: Tab, folder: Path, kind: str, half: Half, number: int) -> None:
    """Write the image, then the file that says that it is there."""
    image, truth = draw(tab, sheet(kind, half, number))
    path = _truth_file(folder, kind, number)
    path.with_suffix(".png").write_bytes(image)
    path.write_text(json.dumps(truth.to_json(), ensure_ascii=False), encoding="utf-8")


def _read(folder: Path, kind: str, number: int) -> StoredPage:
    path = _truth_file(folder, kind, number)
    truth = TruePage.from_json(json.loads(path.read_text(encoding="utf-8")))
    return StoredPage(path.with_suffix(".png"), kind, truth)


def _truth_file(folder: Path, kind: str, number: int) -> Path:
    return folder / f"{kind.replace(' ', '_').replace(',', '')}_{number:02d}.json"


def _digest() -> str:
    """A digest of what determines the pages: this package, the words, Pillow and Chromium."""
    digest = hashlib.sha256(f"{PIL.__version__} {VERSION}".encode())
    here = Path(__file__).parent
    words = here.parent / "hard_set"
    for path in (*sorted(here.glob("*.*")), words / "words.py", words / "lexicon.toml"):
        if path.suffix in (".py", ".toml", ".js") and path.name not in _NOT_DRAWN:
            digest.update(path.read_bytes())
    return digest.hexdigest()[:12]
