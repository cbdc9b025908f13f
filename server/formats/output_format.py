"""What the table of output formats knows of each."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ocr_engine.result import Document
from server.formats.answer import Answer, Body, Envelope
from server.formats.pages import WritePages
from server.formats.pdf.order import PdfMode
from server.formats.rendering import Format, Rendering

Render = Callable[[Answer, Rendering, Envelope], Body]
Write = Callable[[Document, Rendering, str], bytes]  # the document is arranged; the image's name
Convert = Callable[[Answer, Rendering], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class OutputFormat:
    """An output format.

    media_type: the Content-Type. weight: the time to write it, relative to parsing the stored JSON;
    0: sent as stored; see weight_of(). suffix: ending of files that `ocr-server recognize` writes;
    empty if it writes none. implied: recognition options of this format, which the request may
    override. write: writes the format from the document alone, where that is enough. pages: writes
    a document page by page; None: not in this way. convert: for a format that also needs
    the image (Answer.image): writes it in a process of its own, and returns the answer with the
    artifact that render() then sends. pdf_mode: how that PDF is written, if it is one; also
    that of a document. schema, example: those of the body, for the API's description. meaning: a
    note on the name in the API's description.
    """

    name: Format
    media_type: str
    render: Render
    weight: int
    schema: Mapping[str, Any]
    example: Any = None
    meaning: str = ""
    suffix: str = ""
    implied: Mapping[str, Any] = field(default_factory=dict)
    write: Write | None = None
    convert: Convert | None = None
    pdf_mode: Callable[[Rendering], PdfMode] | None = None
    pages: WritePages | None = None

    @property
    def is_for_documents(self) -> bool:
        """Whether documents can be written in it."""
        return self.pages is not None or self.pdf_mode is not None


def component(name: str) -> Mapping[str, Any]:
    """A reference to a schema in server/http/openapi/schemas.py."""
    return {"$ref": f"#/components/schemas/{name}"}


def text_schema(description: str) -> Mapping[str, Any]:
    """The schema of a body that is text."""
    return {"type": "string", "description": description}
