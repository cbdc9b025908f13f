"""Writes results in the output formats, for files and standard output."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ocr_cli.recognize.images import ImageFile
from ocr_cli.recognize.reader import DRAWING, ImageReading
from server.formats.data_json import data_of
from server.formats.json_text import dump
from server.formats.registry import OUTPUT_FORMATS, needs_image
from server.formats.rendering import Rendering
from server.formats.stored import arranged


def rendered(format: str, image: ImageFile, reading: ImageReading, rendering: Rendering) -> bytes:
    """The result in one format; may be slow for a long text."""
    write = OUTPUT_FORMATS[format].write
    if write is not None:
        document = arranged(reading.document, None, rendering.order)
        return write(document, rendering, image.display_name)
    if format == DRAWING:
        return reading.drawing
    if needs_image(format):
        return reading.converted
    data = data_of(reading.document, rendering)
    answer = {"data": data, "md5": reading.md5, "elapsed_ms": reading.milliseconds}
    return line_of_json(image, {"status": "success", **answer})


def line_of_json(image: ImageFile, answer: Mapping[str, Any]) -> bytes:
    """One line of JSON with the file's name."""
    return dump({"file": image.display_name, **answer}) + b"\n"
