"""Azure Document Intelligence, the model prebuilt-read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from server.errors import BadField, NotFinished, NotFound
from server.formats.answer import Answer, CacheOutcome
from server.formats.pdf.order import PDF_TYPE
from server.http.context import ServerContext
from server.http.dialects.azure import (
    AzureDialect,
    AzureOperation,
    check_one_page,
    clockwise,
    lines_with_words,
)
from server.http.dialects.dialect import Target, Targets
from server.http.dialects.pages import ReadPage, flat, full_text, read_pages
from server.http.errors import error_of_code
from server.http.replies import Reply, json_reply
from server.intake.fields import Form, is_given
from server.intake.request import ImageSource, OcrRequest
from server.jobs.record import JobRecord

MODEL = "prebuilt-read"
API_VERSION = "2024-11-30"
RESULTS = f"/documentintelligence/documentModels/{MODEL}/analyzeResults"


class Analyze(AzureDialect):
    """POST /documentintelligence/documentModels/MODEL:analyze: starts an operation."""

    url_field = "urlSource"

    def parse(self, form: Form) -> OcrRequest:
        """See Dialect."""
        if self.arguments[0] != MODEL:
            raise NotFound(f"there is no model of this name; the only one is {MODEL}")
        check_one_page(self.query("pages"))
        if (self.query("outputContentFormat") or "text") != "text":
            raise BadField("outputContentFormat must be text")
        output = self.query("output")
        if output not in (None, "", "pdf"):
            raise BadField("output must be pdf")
        return self.ask(self.source(form), {"format": "pdf"} if output else {}, block=False)

    def source(self, form: Form) -> ImageSource:
        """The image of a request."""
        if self.is_json and is_given(form.fields.get("base64Source")):
            return self.image(form.fields["base64Source"], "base64Source")
        return super().source(form)

    def render(self, answer: Answer, asked: OcrRequest, outcome: CacheOutcome) -> Reply:
        """See Dialect; there are only operations."""
        raise NotImplementedError

    def accepted(self, job: JobRecord) -> Reply:
        """See Dialect."""
        return self.started(RESULTS, job)


class AnalyzeResult(AzureOperation):
    """GET /documentintelligence/documentModels/prebuilt-read/analyzeResults/ID."""

    async def answer(self, form: Form) -> Reply:
        """See Call."""
        jobs, job = await self.operation(self.arguments[0])
        body = self.state(job)
        if job.state == "done":
            pages = read_pages(await jobs.answer(job), job.rendering)
            body["analyzeResult"] = _result(pages)
        elif job.error is not None:
            body |= self.error(error_of_code(job.error.code, job.error.message))
        return json_reply(body)


class AnalyzePdf(AzureOperation):
    """GET /documentintelligence/documentModels/prebuilt-read/analyzeResults/ID/pdf."""

    async def answer(self, form: Form) -> Reply:
        """See Call: the searchable PDF, if it was asked for with the image."""
        jobs, job = await self.operation(self.arguments[0])
        if job.rendering.format != "pdf":
            raise NotFound("this operation has no PDF; send the image with output=pdf")
        if job.error is not None:
            return self.problem(error_of_code(job.error.code, job.error.message))
        if job.state != "done":
            raise NotFinished(f"the operation is {job.state}; wait for its end")
        answer = await jobs.answer(job, with_image=True)
        converted = await self.context.converter.converted(answer, job.rendering)
        pdf = converted.result.artifacts[PDF_TYPE]
        return Reply(200, {"Content-Type": PDF_TYPE}, (pdf,))


def _result(pages: Sequence[ReadPage]) -> dict[str, Any]:
    shown, start = [], 0
    for number, page in enumerate(pages, 1):
        shown.append(_page(number, page, start))
        start += len(page.text) + 1
    return {
        "apiVersion": API_VERSION,
        "modelId": MODEL,
        "stringIndexType": "unicodeCodePoint",
        "contentFormat": "text",
        "content": full_text(pages),
        "pages": shown,
        "paragraphs": [],
        "styles": [],
    }


def _page(number: int, page: ReadPage, start: int) -> dict[str, Any]:
    """A page; start: of its text in the content."""
    words, lines, place = [], [], start
    for line, of_line in lines_with_words(page):
        lines.append(
            {
                "content": line.text,
                "polygon": flat(line.box),
                "spans": [{"offset": place, "length": len(line.text)}],
            }
        )
        words += [
            {
                "content": word.text,
                "polygon": flat(word.box),
                "confidence": word.confidence,
                "span": {"offset": place + word.start, "length": len(word.text)},
            }
            for word in of_line
        ]
        place += len(line.text) + 1
    return {
        "pageNumber": number,
        "angle": clockwise(page),
        "width": page.width,
        "height": page.height,
        "unit": "pixel",
        "words": words,
        "lines": lines,
        "spans": [{"offset": start, "length": len(page.text)}],
    }


def targets(context: ServerContext) -> Targets:
    """What answers the routes."""
    return {
        "analyze": Target(Analyze),
        "result": Target(AnalyzeResult, "call"),
        "pdf": Target(AnalyzePdf, "call"),
    }
