"""A reading in each of the formats, as files and standard output have them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from server.commands.recognize.pictures import PictureFile
from server.commands.recognize.reader import DRAWING, Reading
from server.formats import dump
from server.hocr import render_hocr
from server.tsv import render_tsv


def rendered(format: str, picture: PictureFile, reading: Reading) -> bytes:
    """The bytes of one format; may take a while for a long text."""
    result = reading.result
    if format == DRAWING:
        return reading.drawing
    if format == "tsv":
        return render_tsv(result).encode("utf-8", "replace")
    if format == "hocr":
        return render_hocr(result, picture.shown).encode("utf-8", "replace")
    if format == "text":
        return f"{result.text}\n".encode("utf-8", "replace") if result.text else b""
    answer = {"data": result.as_json(), "md5": reading.md5, "elapsed_ms": reading.milliseconds}
    return as_json(picture, {"status": "success", **answer})


def as_json(picture: PictureFile, answer: Mapping[str, Any]) -> bytes:
    """One line of JSON that names its file."""
    return dump({"file": picture.shown, **answer}) + b"\n"
