"""Pages of documents: how they are kept, and how a document is written page by page.

A document may have thousands of pages, so no format holds more than one of them in memory.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal, NotRequired, TypedDict

from cache.stored_result import StoredResult
from ocr_engine.result import Page
from server.formats.answer import CacheOutcome
from server.formats.data_json import DataJson, data_of
from server.formats.json_text import dump
from server.formats.plain_text import text_of
from server.formats.rendering import Rendering
from server.formats.stored import decode_result, decode_text

PAGE_TYPE = "application/vnd.ocr-server.page+json"  # of what is stored with the result of a page

PageSource = Literal["ocr", "text_layer"]


class PageFacts(TypedDict):
    """What is known of a page besides its result."""

    source: Annotated[
        PageSource, "`ocr`: it was read. `text_layer`: its own text, which nobody has checked."
    ]
    dpi: NotRequired[Annotated[float, "Pixels per inch of the page, if it has a size."]]


class PageProblem(TypedDict):
    """Why a page has no result."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class PageResult:
    """A page, counted from 1, with its result or the reason why there is none."""

    page: int
    result: StoredResult | None = None
    problem: PageProblem | None = None


@dataclass(frozen=True, slots=True)
class DocumentFacts:
    """What is known of a document besides its pages.

    failed: how many of the pages have no result. outcome: of the cache; None while pages are read.
    name: of the file, as hOCR and ALTO have it; its MD5 if it is empty.
    """

    kind: str
    page_count: int
    pages: int
    failed: int
    md5: str
    request_id: str
    outcome: CacheOutcome | None = None
    elapsed_ms: float = 0.0
    job: Mapping[str, Any] | None = None
    name: str = ""


class PageJson(DataJson, PageFacts):
    """A page that has a result."""

    page: Annotated[int, "From 1.", {"minimum": 1}]


class FailedPageJson(TypedDict):
    """A page that has none."""

    page: Annotated[int, "From 1.", {"minimum": 1}]
    error: PageProblem


class DocumentDataJson(TypedDict):
    """The `data` of a document."""

    page_count: Annotated[int, "How many pages the document has.", {"minimum": 1}]
    pages: Annotated[list[PageJson | FailedPageJson], "Those that were asked for, in order."]
    text: Annotated[str, "Of all pages, with a form feed between them."]


WritePages = Callable[[Iterable[PageResult], Rendering, DocumentFacts], Iterator[bytes]]


def page_facts(source: PageSource, dpi: float | None) -> Mapping[str, bytes]:
    """What is stored with the result of a page."""
    facts: PageFacts = {"source": source}
    if dpi is not None:
        facts["dpi"] = int(dpi) if dpi == int(dpi) else dpi
    return {PAGE_TYPE: dump(facts)}


def page_json(page: PageResult, rendering: Rendering) -> bytes:
    """A page as a JSON object; its stored bytes are used as they are, if that is what is asked."""
    if page.result is None:
        return dump({"page": page.page, "error": page.problem})
    facts = page.result.artifacts.get(PAGE_TYPE, b'{"source":"ocr"}')
    if rendering.is_plain:
        data = page.result.json
    else:
        data = dump(data_of(decode_result(page.result, rendering.drop_score), rendering))
    return b'{"page":%d,%b,%b' % (page.page, facts[1:-1], data[1:])


def page_text(page: PageResult, rendering: Rendering) -> str:
    """The text of a page; empty if it has no result."""
    if page.result is None:
        return ""
    if rendering.is_plain:
        return decode_text(page.result)
    document = decode_result(page.result, rendering.drop_score, rendering.order)
    return text_of(document, rendering.text)


def layout_of(page: PageResult, rendering: Rendering) -> Page | None:
    """The page with its number and its blocks; None if it has no result."""
    if page.result is None:
        return None
    document = decode_result(page.result, rendering.drop_score, rendering.order)
    return replace(document.pages[0], number=page.page)


def write_json(
    pages: Iterable[PageResult], rendering: Rendering, facts: DocumentFacts
) -> Iterator[bytes]:
    """One object with all pages."""
    yield b'{"status":"%b","data":' % status_of(facts).encode()
    yield from document_data(pages, rendering, facts)
    yield b"," + dump(_rest(facts))[1:]


def status_of(facts: DocumentFacts) -> Literal["partial", "success"]:
    """The `status` in JSON."""
    return "partial" if facts.failed else "success"


def document_data(
    pages: Iterable[PageResult], rendering: Rendering, facts: DocumentFacts
) -> Iterator[bytes]:
    """The `data` in JSON: all pages, then their text."""
    yield b'{"page_count":%d,"pages":[' % facts.page_count
    texts: list[str] = []
    for page in pages:
        yield b"," * bool(texts) + page_json(page, rendering)
        texts.append(page_text(page, rendering))
    yield b'],"text":' + dump("\f".join(texts)) + b"}"


def write_text(
    pages: Iterable[PageResult], rendering: Rendering, _: DocumentFacts
) -> Iterator[bytes]:
    """The text of all pages, with a form feed between them."""
    for number, page in enumerate(pages):
        yield ("\f" * bool(number) + page_text(page, rendering)).encode("utf-8", "replace")
    yield b"\n"


def write_markdown(
    pages: Iterable[PageResult], rendering: Rendering, _: DocumentFacts
) -> Iterator[bytes]:
    """Each page after a comment with its number."""
    from server.formats.markdown import render_blocks

    for number, page in enumerate(pages):
        layout = layout_of(page, rendering)
        text = "" if layout is None else render_blocks(layout.blocks)
        between = "\n" * bool(number)
        yield f"{between}<!-- page {page.page} -->\n\n{text}".encode()


def write_tsv(
    pages: Iterable[PageResult], rendering: Rendering, _: DocumentFacts
) -> Iterator[bytes]:
    """The names of the columns, and the rows of all pages."""
    from server.formats.tsv import HEADING, page_rows

    yield HEADING.encode()
    for page in _layouts(pages, rendering):
        yield page_rows(page).encode()


def write_hocr(
    pages: Iterable[PageResult], rendering: Rendering, facts: DocumentFacts
) -> Iterator[bytes]:
    """One element for each page."""
    from server.formats.hocr import TAIL, head, render_page

    yield head(with_characters=True).encode()
    for page in _layouts(pages, rendering):
        yield render_page(page, facts.name or facts.md5).encode()
    yield TAIL.encode()


def write_alto(
    pages: Iterable[PageResult], rendering: Rendering, facts: DocumentFacts
) -> Iterator[bytes]:
    """One element for each page."""
    from server.formats.alto import PageWriter

    writer = PageWriter(facts.name or facts.md5)
    yield writer.head
    for page in _layouts(pages, rendering):
        yield writer.page(page)
    yield writer.tail


def write_events(
    pages: Iterable[PageResult], rendering: Rendering, facts: DocumentFacts
) -> Iterator[bytes]:
    """A line of JSON for each page, as they are sent while pages are read."""
    yield first_event(facts)
    for page in pages:
        yield page_event(page, rendering)
    yield last_event(facts)


def first_event(facts: DocumentFacts) -> bytes:
    """The first line: what the document is."""
    data = {
        "event": "meta",
        "kind": facts.kind,
        "pages": facts.pages,
        "page_count": facts.page_count,
        "md5": facts.md5,
        "request_id": facts.request_id,
    }
    return dump(data) + b"\n"


def page_event(page: PageResult, rendering: Rendering) -> bytes:
    """The line of a page."""
    event = b"page_error" if page.result is None else b"page"
    return b'{"event":"%b",%b\n' % (event, page_json(page, rendering)[1:])


def last_event(facts: DocumentFacts) -> bytes:
    """The last line: without it, something is missing. pages: those that have a result."""
    data = {"event": "end", "pages": facts.pages - facts.failed, "failed": facts.failed}
    return dump(data) + b"\n"


def _layouts(pages: Iterable[PageResult], rendering: Rendering) -> Iterator[Page]:
    found = (layout_of(page, rendering) for page in pages)
    return (page for page in found if page is not None)


def _rest(facts: DocumentFacts) -> dict[str, Any]:
    """What follows `data` in JSON; as in render.py."""
    rest = {
        "cache": facts.outcome or "miss",
        "md5": facts.md5,
        "elapsed_ms": round(facts.elapsed_ms, 1),
        "timestamp": int(time.time()),
        "request_id": facts.request_id,
    }
    return rest if facts.job is None else {**rest, "job": facts.job}


def facts_of(result: StoredResult) -> PageFacts:
    """What is stored with the result of a page."""
    facts: PageFacts = json.loads(result.artifacts.get(PAGE_TYPE, b'{"source":"ocr"}'))
    return facts
