"""A page as Umi-OCR's API writes it: its code, its lines or its text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ocr_engine.result import Document
from server.formats.pages import PageResult
from server.formats.plain_text import text_of
from server.formats.rendering import Order
from server.formats.stored import decode_result
from server.http.dialects.umi_options import (
    Area,
    ended_lines,
    ignored_areas,
    parser_of,
    whole,
)
from server.http.dialects.umi_replies import BAD_IMAGE, DONE

NOTHING = 101
NO_TEXT = "No text found in image."


class View(NamedTuple):
    """How lines are joined, and in which areas they are left out."""

    parser: str = "multi_line"
    areas: Sequence[Area] = ()
    first: int = 1
    last: int = -1

    def at(self, page: int, page_count: int) -> View:
        """The view of a page: areas belong to the pages from first to last; -1 is the last one."""
        first, last = (n if n > 0 else page_count + 1 + n for n in (self.first, self.last))
        return self if first <= page <= last else self._replace(areas=())


def view_of(options: Mapping[str, Any]) -> View:
    """The view that is asked for; BadField."""
    return View(
        parser_of(options),
        ignored_areas(options),
        whole(options, "tbpu.ignoreRangeStart", 1),
        whole(options, "tbpu.ignoreRangeEnd", -1),
    )


def content(document: Document, view: View, as_text: bool) -> dict[str, Any]:
    """`code`, `data` and, if there are lines, `score`."""
    lines = list(ended_lines(document, view.parser, view.areas))
    if not lines:
        return {"code": NOTHING, "data": "" if document.lines and view.areas else NO_TEXT}
    scores = [line.confidence for line, _ in lines]
    found: dict[str, Any] = {"code": DONE, "score": sum(scores) / len(scores)}
    if not as_text:
        found["data"] = [
            {"text": line.text, "score": line.confidence, "box": line.box, "end": end}
            for line, end in lines
        ]
    elif view.parser == "single_code" and not view.areas:
        found["data"] = text_of(document, "code")
    else:
        *before, (last, _) = lines
        found["data"] = "".join(line.text + end for line, end in before) + last.text
    return found


def page_content(
    page: PageResult, view: View, order: Order | None, as_text: bool
) -> dict[str, Any]:
    """content() of a page of a document; of one that could not be read, why not."""
    if page.result is None:
        return {"code": BAD_IMAGE, "data": page.problem["message"] if page.problem else ""}
    return content(decode_result(page.result, None, order), view, as_text)


def page_text(page: PageResult, view: View, order: Order | None) -> str:
    """The text of a page; empty if it has none."""
    found = page_content(page, view, order, as_text=True)
    return str(found["data"]) if found["code"] == DONE else ""
