"""Runs the load test as a program, or through its main()."""

from __future__ import annotations

import sys
from pathlib import Path

from PIL import Image

from tests.support.checkout import ROOT
from tests.support.fake_ocr import FakeOcr

COMMAND = [sys.executable, str(ROOT / "multirequest.py")]


def load(fake: FakeOcr, folder: Path, *more: str) -> list[str]:
    """Arguments for these images and this server."""
    return ["--url", fake.url, "--dir", str(folder), *more]


def two_images(folder: Path) -> Path:
    """A new folder with two images of noise."""
    folder.mkdir()
    for name in ("a.png", "b.jpg"):
        Image.effect_noise((40, 24), 80).convert("RGB").save(folder / name)
    return folder
