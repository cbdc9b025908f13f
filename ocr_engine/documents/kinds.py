"""Which kind of document a file is, by its first bytes."""

from __future__ import annotations

import functools
import importlib.util
from typing import Literal

from ocr_engine.images.header import SIGNATURE_BYTES, has_signature

Kind = Literal["pdf", "tiff", "gif"]
TextLayer = Literal["ocr", "auto", "only"]

PDF_PACKAGE = "pypdfium2"
START_BYTES = 1024  # a PDF may begin with something else, but not with more than this

_PDF = b"%PDF-"
_TIFF = (b"II*\x00", b"MM\x00*", b"II+\x00")
_GIF = (b"GIF87a", b"GIF89a")


def kind_of(start: bytes) -> Kind | None:
    """The kind of a file that begins with these START_BYTES; None for all that is no document."""
    if start.startswith(_TIFF):
        return "tiff"
    if start.startswith(_GIF):
        return "gif"
    is_pdf = _PDF in start[:START_BYTES] and not has_signature(start[:SIGNATURE_BYTES])
    return "pdf" if is_pdf else None


@functools.cache
def can_read_pdf() -> bool:
    """Whether the package that draws PDFs is installed; does not import it."""
    return importlib.util.find_spec(PDF_PACKAGE) is not None
