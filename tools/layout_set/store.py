"""The pages of the layout set on disk: drawn when they are first needed, never committed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import PIL
from playwright.sync_api import Page as Tab

from chromium import VERSION
from hard_set.fonts import fetch_fonts
from layout_set import browser
from layout_set.debian_texts import fetch_documents
from layout_set.kinds import KINDS, PAGES_OF_A_KIND, needs_debian, sheet
from layout_set.sheet import Half, Sheet
from layout_set.truth import TruePage

FOLDER = Path(__file__).resolve().parents[2] / "dist" / "layout_set"


@dataclass(frozen=True, slots=True)
class StoredPage:
    """An image file with its kind and what is known of it."""

    path: Path
    kind: str
    truth: TruePage


def pages(
    half: Half, kinds: Sequence[str] = KINDS, count: int = PAGES_OF_A_KIND
) -> list[StoredPage]:
    """The first `count` pages of each kind; draws those that are missing or have changed.

    NoProgram if fonts or documents cannot be fetched; NoChromium if there is no browser.
    """
    if any(map(needs_debian, kinds)):
        fetch_documents()
    (FOLDER / half).mkdir(parents=True, exist_ok=True)
    drawing = _drawing_digest()
    wanted: dict[Path, tuple[str, Sheet, str]] = {}
    for kind in kinds:
        for number in range(count):
            its_sheet = sheet(kind, half, number)
            key = hashlib.sha256(f"{drawing} {its_sheet}".encode()).hexdigest()
            wanted[_truth_file(half, kind, number)] = kind, its_sheet, key
    missing = {path: page for path, page in wanted.items() if _read(path, *page[::2]) is None}
    if missing:
        fetch_fonts()
        print(f"drawing {len(missing)} pages ...", flush=True)
        with browser.browser_tab(FOLDER) as tab:
            for path, (_, its_sheet, key) in missing.items():
                _draw(tab, path, its_sheet, key)
    read = [_read(path, kind, key) for path, (kind, _, key) in wanted.items()]
    return [page for page in read if page is not None]


def _draw(tab: Tab, path: Path, its_sheet: Sheet, key: str) -> None:
    """Write the image, then the file that says that it is there."""
    image, truth = browser.draw(tab, its_sheet)
    path.with_suffix(".png").write_bytes(image)
    stored = {"key": key, **truth.to_json()}
    path.write_text(json.dumps(stored, ensure_ascii=False), encoding="utf-8")


def _read(path: Path, kind: str, key: str) -> StoredPage | None:
    """The stored page; None if there is none with this key."""
    if not path.is_file():
        return None
    stored = json.loads(path.read_text(encoding="utf-8"))
    if stored["key"] != key:
        return None
    return StoredPage(path.with_suffix(".png"), kind, TruePage.from_json(stored))


def _truth_file(half: Half, kind: str, number: int) -> Path:
    return FOLDER / half / f"{kind.replace(' ', '_').replace(',', '')}_{number:02d}.json"


def _drawing_digest() -> str:
    """A digest of what draws the sheets: these files, Pillow and Chromium."""
    digest = hashlib.sha256(f"{PIL.__version__} {VERSION}".encode())
    for name in ("browser.py", "lines.js"):
        digest.update(Path(__file__).with_name(name).read_bytes())
    return digest.hexdigest()
