"""The table of output formats.

A new format needs a writer in this package and a row here. The accepted values of `format`, the
API's description and the formats of `ocr-server recognize` come from the rows.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from cache.stored_result import StoredResult
from ocr_engine.result import Document
from server.errors import BadField
from server.formats import examples
from server.formats.answer import Answer, Body, Envelope
from server.formats.json_text import JSON_TYPE, LINES_TYPE
from server.formats.output_format import OutputFormat, Write, component, text_schema
from server.formats.pages import (
    DocumentFacts,
    PageResult,
    WritePages,
    write_alto,
    write_events,
    write_hocr,
    write_json,
    write_markdown,
    write_tsv,
)
from server.formats.pages import write_text as write_pages_text
from server.formats.pdf.order import PDF_TYPE, PdfMode, RecognizedPage
from server.formats.render import (
    render_drawing,
    render_flat,
    render_json,
    render_legacy,
    render_pdf,
    render_text,
    write_text,
)
from server.formats.rendering import Format, Rendering
from server.formats.stored import DRAWING_TYPE, decode_result

LAYOUT_WEIGHT = 8


def _written(
    name: Format,
    media_type: str,
    write: Write,
    *,
    suffix: str,
    schema: Mapping[str, Any],
    example: Any = None,
    meaning: str = "",
    weight: int = LAYOUT_WEIGHT,
    words: bool = False,
    pages: WritePages | None = None,
) -> OutputFormat:
    """A format that is written from the document alone; words: with the boxes of words."""

    def render(answer: Answer, rendering: Rendering, _: Envelope) -> Body:
        document = decode_result(answer.result, rendering.drop_score, rendering.order)
        return (write(document, rendering, answer.digests.md5),)

    return OutputFormat(
        name,
        media_type,
        render,
        weight,
        schema,
        example,
        meaning,
        suffix,
        implied={"granularity": "word"} if words else {},
        write=write,
        pages=pages,
    )


# The writers are imported when they are first needed: few servers need them all.


def _write_text(document: Document, rendering: Rendering, _: str) -> bytes:
    from server.formats.plain_text import text_of

    return write_text(text_of(document, rendering.text))


def _write_tsv(document: Document, _: Rendering, __: str) -> bytes:
    from server.formats.tsv import render_tsv

    return render_tsv(document).encode()


def _write_hocr(document: Document, _: Rendering, image: str) -> bytes:
    from server.formats.hocr import render_hocr

    return render_hocr(document, image).encode()


def _write_alto(document: Document, _: Rendering, image: str) -> bytes:
    from server.formats.alto import render_alto

    return render_alto(document, image)


def _write_markdown(document: Document, _: Rendering, __: str) -> bytes:
    from server.formats.markdown import render_markdown

    return render_markdown(document).encode()


def _pdf(name: Format, *, pdfa: bool, suffix: str, meaning: str) -> OutputFormat:
    """A PDF of the image with its text; pdfa: as PDF/A."""

    def mode(rendering: Rendering) -> PdfMode:
        return PdfMode(pdfa=pdfa, drop_score=rendering.drop_score, order=rendering.order)

    async def convert(answer: Answer, rendering: Rendering) -> Answer:
        from server.formats.pdf.process import write_pdf

        async def only_page() -> AsyncIterator[RecognizedPage]:
            yield RecognizedPage(1, answer.result)

        assert answer.image is not None, "the converter sees to that"
        written = await write_pdf(answer.image, only_page(), mode(rendering))
        result = StoredResult(answer.result.json, {PDF_TYPE: written.data})
        return replace(answer, result=result, changes=written.changes)

    return OutputFormat(
        name,
        PDF_TYPE,
        render_pdf,
        weight=0,
        schema={"type": "string", "format": "binary"},
        meaning=meaning,
        suffix=suffix,
        implied={"granularity": "word"},
        convert=convert,
        pdf_mode=mode,
    )


def _render_events(answer: Answer, rendering: Rendering, envelope: Envelope) -> Body:
    """An image as a document of one page."""
    facts = DocumentFacts("image", 1, 1, 0, answer.digests.md5, envelope.request_id)
    return tuple(write_events([PageResult(1, answer.result)], rendering, facts))


OUTPUT_FORMATS: Mapping[Format, OutputFormat] = {
    row.name: row
    for row in (
        OutputFormat(
            "json",
            JSON_TYPE,
            render_json,
            weight=0,
            schema=component("Answer"),
            example=examples.ANSWER,
            suffix=".json",
            pages=write_json,
        ),
        OutputFormat(
            "text",
            "text/plain; charset=utf-8",
            render_text,
            weight=1,
            schema=text_schema("`data.text`, and a newline."),
            example=f"{examples.TEXT}\n",
            suffix=".txt",
            write=_write_text,
            pages=write_pages_text,
        ),
        OutputFormat(
            "legacy",
            JSON_TYPE,
            render_legacy,
            weight=1,
            schema=component("LegacyAnswer"),
            example=examples.LEGACY,
        ),
        OutputFormat(
            "flat",
            JSON_TYPE,
            render_flat,
            weight=2,
            schema=component("FlatAnswer"),
            example=examples.FLAT,
        ),
        _written(
            "tsv",
            "text/tab-separated-values; charset=utf-8",
            _write_tsv,
            words=True,
            suffix=".tsv",
            schema=text_schema("TSV, as tesseract writes it."),
            example=examples.TSV,
            pages=write_tsv,
        ),
        _written(
            "hocr",
            "text/vnd.hocr+html; charset=utf-8",
            _write_hocr,
            words=True,
            suffix=".hocr",
            schema=text_schema("hOCR, as tesseract writes it."),
            pages=write_hocr,
        ),
        OutputFormat(
            "image",
            DRAWING_TYPE,
            render_drawing,
            weight=0,
            schema={"type": "string", "format": "binary"},
            meaning="the image as PNG, with the boxes drawn on it",
            suffix=".boxes.png",
            implied={"draw": True},
        ),
        _written(
            "alto",
            "application/xml; charset=utf-8",
            _write_alto,
            words=True,
            suffix=".alto.xml",
            schema=text_schema("ALTO 4.4."),
            meaning="ALTO 4.4, XML",
            weight=2 * LAYOUT_WEIGHT,
            pages=write_alto,
        ),
        _written(
            "markdown",
            "text/markdown; charset=utf-8",
            _write_markdown,
            suffix=".md",
            schema=text_schema("Markdown."),
            example=examples.MARKDOWN,
            meaning="titles, paragraphs, lists and tables as Markdown",
            pages=write_markdown,
        ),
        OutputFormat(
            "ndjson",
            LINES_TYPE,
            _render_events,
            weight=1,
            schema=text_schema("One JSON object per line: `meta`, `page` or `page_error`, `end`."),
            example=examples.EVENTS,
            meaning="a line of JSON for each page, sent as soon as it is read",
            pages=write_events,
        ),
        _pdf(
            "pdf",
            pdfa=False,
            suffix=".pdf",
            meaning="the image or document as PDF, with the text invisibly over it",
        ),
        _pdf("pdfa", pdfa=True, suffix=".pdfa.pdf", meaning="the same as PDF/A-2b"),
    )
}
FORMATS = tuple(OUTPUT_FORMATS)


def render(answer: Answer, rendering: Rendering, envelope: Envelope) -> tuple[str, Body]:
    """Content-Type and body of an answer; BadField if it needs a drawing and has none."""
    row = OUTPUT_FORMATS[rendering.format]
    return row.media_type, row.render(answer, rendering, envelope)


def needs_image(format: Format) -> bool:
    """Whether the format is written from the image, too, not from the result alone."""
    return OUTPUT_FORMATS[format].convert is not None


def document_format(rendering: Rendering) -> OutputFormat:
    """The row of a format; BadField if documents cannot be written in it."""
    row = OUTPUT_FORMATS[rendering.format]
    if not row.is_for_documents:
        names = [name for name, each in OUTPUT_FORMATS.items() if each.is_for_documents]
        raise BadField(
            f"format = {rendering.format}: it is for one image; documents are written as "
            f"{join_names(names)}"
        )
    return row


def weight_of(rendering: Rendering) -> int:
    """The time to write an answer, relative to parsing the stored JSON; 0: sent as stored."""
    weight = OUTPUT_FORMATS[rendering.format].weight
    return weight if rendering.is_plain else max(weight, LAYOUT_WEIGHT)


def join_names(names: Sequence[str]) -> str:
    """The names joined for a sentence: `a, b and c`."""
    *before, last = names
    return f"{', '.join(before)} and {last}" if before else last
