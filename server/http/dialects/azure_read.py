"""Azure Computer Vision 3.2: Read (asynchronous) and OCR (synchronous)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from server.formats.answer import Answer, CacheOutcome
from server.http.context import ServerContext
from server.http.dialects.azure import (
    AzureDialect,
    AzureOperation,
    AzureStart,
    Unit,
    clockwise,
    lines_with_words,
)
from server.http.dialects.dialect import Target, Targets
from server.http.dialects.pages import Box, ReadPage, bounds, read_pages
from server.http.replies import Reply
from server.intake.fields import Form
from server.intake.request import OcrRequest
from server.jobs.record import JobRecord

RESULTS = "/vision/v3.2/read/analyzeResults"
VERSION, MODEL_VERSION = "3.2.0", "2022-04-30"
_ORDERS = {"basic": "raster", "natural": "layout"}
_DIRECTIONS = {0: "Up", 90: "Left", 180: "Down", 270: "Right"}


class Analyze(AzureStart):
    """POST /vision/v3.2/read/analyze: starts an operation."""

    def parse(self, form: Form) -> OcrRequest:
        """See Dialect."""
        fields = self.own_fields()
        order = _ORDERS.get(self.query("readingOrder") or "")
        if order:
            fields["order"] = order
        return self.ask(self.source(form), fields, block=False)

    def accepted(self, job: JobRecord) -> Reply:
        """See Dialect."""
        return self.started(RESULTS, job)


class AnalyzeResult(AzureOperation):
    """GET /vision/v3.2/read/analyzeResults/ID."""

    async def answer(self, form: Form) -> Reply:
        """See Call."""
        return await self.told(ReadResult())


class PrintedText(AzureDialect):
    """POST /vision/v3.2/ocr: one region with all lines."""

    def parse(self, form: Form) -> OcrRequest:
        """See Dialect."""
        return self.ask(self.source(form))

    def render(self, answer: Answer, asked: OcrRequest, outcome: CacheOutcome) -> Reply:
        """See Dialect."""
        (page,) = read_pages(answer)
        lines = [
            {
                "boundingBox": _level(line.box),
                "words": [{"boundingBox": _level(word.box), "text": word.text} for word in words],
            }
            for line, words in lines_with_words(page)
        ]
        body = {
            "language": "unk",
            "textAngle": 0.0,
            "orientation": _DIRECTIONS[page.angle],
            "regions": [{"boundingBox": _around(page), "lines": lines}] if lines else [],
            "modelVersion": MODEL_VERSION,
        }
        return self.reply(body, answer, outcome)


class ReadResult:
    """See PagesOfResult."""

    head: Mapping[str, Any] = {"version": VERSION, "modelVersion": MODEL_VERSION}
    name = b"readResults"

    def page(self, number: int, page: ReadPage, unit: Unit) -> Mapping[str, Any]:
        """See PagesOfResult."""
        return {
            "page": number,
            "angle": clockwise(page),
            "width": float(unit.length(page.width)),
            "height": float(unit.length(page.height)),
            "unit": unit.name,
            "lines": [
                {
                    "boundingBox": _floats(line.box, unit),
                    "text": line.text,
                    "words": [
                        {
                            "boundingBox": _floats(word.box, unit),
                            "text": word.text,
                            "confidence": word.confidence,
                        }
                        for word in words
                    ],
                }
                for line, words in lines_with_words(page)
            ],
        }

    def rest(self) -> Mapping[str, Any]:
        """See PagesOfResult."""
        return {}


def _floats(box: Box, unit: Unit) -> list[float]:
    return [float(value) for value in unit.box(box)]


def _level(box: Box) -> str:
    left, top, right, bottom = bounds(box)
    return f"{left},{top},{right - left},{bottom - top}"


def _around(page: ReadPage) -> str:
    lefts, tops, rights, bottoms = zip(*(line.bounds for line in page.lines), strict=True)
    left, top = min(lefts), min(tops)
    return f"{left},{top},{max(rights) - left},{max(bottoms) - top}"


def targets(context: ServerContext) -> Targets:
    """The target of each route, by its name."""
    return {
        "analyze": Target(Analyze),
        "result": Target(AnalyzeResult, "call"),
        "ocr": Target(PrintedText),
    }
