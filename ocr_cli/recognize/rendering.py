"""Writes results in the output formats, for files and standard output."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from ocr_cli.recognize.inputs import InputFile
from ocr_cli.recognize.reader import DRAWING, ImageReading
from server.formats.data_json import data_of
from server.formats.json_text import dump
from server.formats.pages import DocumentFacts, PageResult, document_data, status_of
from server.formats.registry import OUTPUT_FORMATS, needs_image
from server.formats.rendering import Rendering
from server.formats.stored import arranged


def rendered(format: str, image: InputFile, reading: ImageReading, rendering: Rendering) -> bytes:
    """The result in one format; may be slow for a long text."""
    write = OUTPUT_FORMATS[format].write
    if write is not None:
        document = arranged(reading.document, None, rendering.order)
        return write(document, rendering, image.display_name)
    if format == DRAWING:
        return reading.drawing
    if needs_image(format):
        return reading.converted[format]
    data = data_of(reading.document, rendering)
    answer = {"data": data, "md5": reading.md5, "elapsed_ms": reading.milliseconds}
    return line_of_json(image, {"status": "success", **answer})


def rendered_document(
    format: str,
    file: InputFile,
    pages: Iterable[PageResult],
    rendering: Rendering,
    facts: DocumentFacts,
) -> Iterator[bytes]:
    """A document in one format, page by page; blocks."""
    if format == "json":
        head = {"file": file.display_name, "status": status_of(facts)}
        yield dump(head)[:-1] + b',"data":'
        yield from document_data(pages, rendering, facts)
        rest = {"md5": facts.md5, "elapsed_ms": round(facts.elapsed_ms, 1)}
        yield b"," + dump(rest)[1:] + b"\n"
        return
    write = OUTPUT_FORMATS[format].pages
    assert write is not None, "the other formats are written from the file"
    yield from write(pages, rendering, replace(facts, name=file.display_name))


def line_of_json(image: InputFile, answer: Mapping[str, Any]) -> bytes:
    """One line of JSON with the file's name."""
    return dump({"file": image.display_name, **answer}) + b"\n"
