"""The images of the hard set on disk: made when they are first needed, never committed."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import PIL
from PIL import Image

from hard_set.classes import CLASSES, Half, samples
from hard_set.fonts import fetch_fonts
from hard_set.sheet import Matrix, Row, Sample

FOLDER = Path(__file__).resolve().parents[2] / "dist" / "hard_set"
WITHOUT_EFFECT = ("store.py", "score.py", "readings.py")  # on the images


@dataclass(frozen=True, slots=True)
class Page:
    """An image file with its class, its rows, and the homography from rows to image."""

    path: Path
    kind: str
    rows: tuple[Row, ...]
    to_image: Matrix


def pages(half: Half, sample: int | None = None) -> list[Page]:
    """The pages of a half, or the first `sample` of each class; makes those that are missing."""
    fetch_fonts()
    folder = FOLDER / f"images-{_digest()}" / half
    found: list[Page] = []
    for kind in CLASSES:
        stored = _read(folder, kind, sample)
        found += _make(folder, kind, half, sample) if stored is None else stored
    return found


def _read(folder: Path, kind: str, sample: int | None) -> list[Page] | None:
    """The stored pages of a class; None if they are missing, or too few."""
    manifest = folder / f"{_slug(kind)}.json"
    if not manifest.is_file():
        return None
    entries = json.loads(manifest.read_text(encoding="utf-8"))
    complete = entries["sample"] is None
    if not complete and (sample is None or entries["sample"] < sample):
        return None
    return [
        Page(
            folder / entry["file"],
            kind,
            tuple(Row(*row) for row in entry["rows"]),
            np.array(entry["to_image"]),
        )
        for entry in entries["pages"][:sample]
    ]


def _make(folder: Path, kind: str, half: Half, sample: int | None) -> list[Page]:
    """Draw and write the pages of a class, then the manifest that says that they are there."""
    folder.mkdir(parents=True, exist_ok=True)
    made: list[Page] = []
    entries = []
    for number, drawn in enumerate(samples(kind, half, sample)):
        path = _write(folder / f"{_slug(kind)}_{number:02d}", drawn)
        made.append(Page(path, kind, drawn.rows, drawn.to_image))
        entry = {"file": path.name, "rows": drawn.rows, "to_image": drawn.to_image.tolist()}
        entries.append(entry)
    text = json.dumps({"sample": sample, "pages": entries}, ensure_ascii=False)
    (folder / f"{_slug(kind)}.json").write_text(text, encoding="utf-8")
    return made


def _write(path: Path, drawn: Sample) -> Path:
    image = Image.fromarray(drawn.pixels)
    if drawn.quality is None:
        path = path.with_suffix(".png")
        image.save(path, compress_level=3)
    else:
        path = path.with_suffix(".jpg")
        image.save(path, quality=drawn.quality)
    return path


def _slug(kind: str) -> str:
    return kind.replace(" ", "_")


def _digest() -> str:
    """A digest of what determines the images: this package and Pillow."""
    digest = hashlib.sha256(PIL.__version__.encode())
    for path in sorted(Path(__file__).parent.glob("*.*")):
        if path.suffix in (".py", ".toml") and path.name not in WITHOUT_EFFECT:
            digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def clear_old() -> None:
    """Remove the images of earlier versions of this package."""
    for folder in FOLDER.glob("images-*"):
        if folder.name != f"images-{_digest()}":
            shutil.rmtree(folder)
