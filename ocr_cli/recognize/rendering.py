"""A reading in each of the formats, as files and standard output have them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ocr_cli.recognize.images import ImageFile
from ocr_cli.recognize.reader import DRAWING, Reading
from server.formats.json_text import dump
from server.formats.registry import OUTPUT_FORMATS


def rendered(format: str, image: ImageFile, reading: Reading) -> bytes:
    """The bytes of one format; may take a while for a long text."""
    result = reading.result
    document = OUTPUT_FORMATS[format].document
    if document is not None:
        return document(result, image.shown)
    if format == DRAWING:
        return reading.drawing
    if format == "text":
        return f"{result.text}\n".encode("utf-8", "replace") if result.text else b""
    answer = {"data": result.as_json(), "md5": reading.md5, "elapsed_ms": reading.milliseconds}
    return as_json(image, {"status": "success", **answer})


def as_json(image: ImageFile, answer: Mapping[str, Any]) -> bytes:
    """One line of JSON that names its file."""
    return dump({"file": image.shown, **answer}) + b"\n"
