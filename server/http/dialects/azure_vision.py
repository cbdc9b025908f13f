"""Azure Image Analysis 4.0 with the feature `read`."""

from __future__ import annotations

from typing import Any

from server.errors import BadField
from server.formats.answer import Answer, CacheOutcome
from server.http.context import ServerContext
from server.http.dialects.azure import AzureDialect, lines_with_words
from server.http.dialects.dialect import Target, Targets
from server.http.dialects.pages import Box, ReadPage, read_pages
from server.http.replies import Reply
from server.intake.fields import Form
from server.intake.request import OcrRequest

MODEL_VERSION = "2023-10-01"


class Analyze(AzureDialect):
    """POST /computervision/imageanalysis:analyze."""

    def parse(self, form: Form) -> OcrRequest:
        """See Dialect."""
        features = (self.query("features") or "").lower().split(",")
        if features != ["read"]:
            raise BadField("features must be read; this server only reads text")
        return self.ask(self.source(form))

    def render(self, answer: Answer, asked: OcrRequest, outcome: CacheOutcome) -> Reply:
        """See Dialect; all lines are in one block."""
        (page,) = read_pages(answer)
        lines = _lines(page)
        body = {
            "modelVersion": MODEL_VERSION,
            "metadata": {"width": page.width, "height": page.height},
            "readResult": {"blocks": [{"lines": lines}] if lines else []},
        }
        return self.reply(body, answer, outcome)


def _lines(page: ReadPage) -> list[dict[str, Any]]:
    return [
        {
            "text": line.text,
            "boundingPolygon": _polygon(line.box),
            "words": [
                {
                    "text": word.text,
                    "boundingPolygon": _polygon(word.box),
                    "confidence": word.confidence,
                }
                for word in words
            ],
        }
        for line, words in lines_with_words(page)
    ]


def _polygon(box: Box) -> list[dict[str, int]]:
    return [{"x": x, "y": y} for x, y in box]


def targets(context: ServerContext) -> Targets:
    """The target of each route, by its name."""
    return {"analyze": Target(Analyze)}
