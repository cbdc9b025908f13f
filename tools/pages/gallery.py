"""All files that tools/render_pages.py writes, by their path in the repository."""

from __future__ import annotations

import json
import platform
from collections.abc import Callable

import numpy as np
import PIL
from PIL import features

from pages.encode import encoded, smallest
from pages.fonts import font_digests
from pages.papers import draw_document, draw_receipt, draw_table
from pages.photos import draw_photo
from pages.placards import draw_placard
from pages.screens import draw_screen
from pages.sheet import Sheet
from pages.small_print import draw_small_print, text_px
from pages.spec import Spec, read_specs
from pages.specials import draw_specials

PAGES = "tests/data/pages"
MANIFEST = "tests/data/pages.json"
SMALL_PRINT_PAGES = "benchmarks/small_print/pages"
SMALL_PRINT_MANIFEST = "benchmarks/small_print/pages.json"
SAMPLES = "imgs"
SAMPLES_NOTE = "Made by tools/render_pages.py, under the same licence as the project.\n"

Entry = dict[str, object]

DRAW: dict[str, Callable[[Spec], Sheet]] = {
    "document": draw_document,
    "receipt": draw_receipt,
    "screenshot": draw_screen,
    "photo": draw_photo,
    "sign": draw_placard,
    "poster": draw_placard,
    "label": draw_placard,
    "table": draw_table,
}
SOURCES = ("document", "receipt", "screenshot", "photo", "placard", "table")


def render_all() -> dict[str, bytes]:
    """Render every image and the manifests: path in the repository -> content."""
    files: dict[str, bytes] = {}
    pages = _render_pages(files)
    special = _render_specials(files)
    small_print = _render_small_print(files)
    _render_samples(files)
    files[MANIFEST] = _manifest({"pages": pages, "special": special})
    files[SMALL_PRINT_MANIFEST] = _manifest({"pages": small_print})
    return files


def made_with() -> dict[str, object]:
    """Return the versions that determine the bytes of the files."""
    return {
        "python": ".".join(platform.python_version_tuple()[:2]),
        "pillow": PIL.__version__,
        "numpy": np.__version__,
        **{name: features.version(name) for name in ("freetype2", "libjpeg_turbo", "webp", "zlib")},
        "fonts_sha256": font_digests(),
    }


def _render_pages(files: dict[str, bytes]) -> list[Entry]:
    entries: list[Entry] = []
    for source in SOURCES:
        for spec in read_specs(source):
            kind = spec.text("kind", source)
            sheet = DRAW[kind](spec)
            suffix, content = smallest(sheet.image)
            file = f"{kind}_{spec.name}.{suffix}"
            files[f"{PAGES}/{file}"] = content
            language = spec.text("language")
            entries.append({"file": file, "kind": kind, "language": language, "lines": sheet.lines})
    return entries


def _render_specials(files: dict[str, bytes]) -> list[Entry]:
    entries: list[Entry] = []
    for special in draw_specials():
        file = f"special_{special.file}"
        files[f"{PAGES}/{file}"] = special.content
        entries.append({"file": file, "what": special.what, "lines": list(special.lines)})
    return entries


def _render_small_print(files: dict[str, bytes]) -> list[Entry]:
    entries: list[Entry] = []
    for spec in read_specs("small_print"):
        sheet = draw_small_print(spec)
        suffix, content = smallest(sheet.image)
        file = f"{spec.text('kind')}_{spec.name}.{suffix}"
        files[f"{SMALL_PRINT_PAGES}/{file}"] = content
        entry: Entry = {"file": file, "kind": spec.text("kind"), "language": spec.text("language")}
        entries.append({**entry, "text_px": text_px(sheet), "lines": sheet.lines})
    return entries


def _render_samples(files: dict[str, bytes]) -> None:
    for spec in read_specs("sample"):
        suffix = spec.text("suffix")
        image = DRAW[spec.text("kind", spec.name)](spec).image
        files[f"{SAMPLES}/{spec.name}.{suffix}"] = encoded(image, suffix)
    files[f"{SAMPLES}/README.md"] = SAMPLES_NOTE.encode()


def _manifest(entries: dict[str, list[Entry]]) -> bytes:
    text = json.dumps({"made_with": made_with(), **entries}, ensure_ascii=False, indent=2)
    return f"{text}\n".encode()
