"""Azure Document Intelligence, the model prebuilt-read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from server.errors import BadField, NotFinished, NotFound
from server.formats.pdf.order import PDF_TYPE
from server.http.context import ServerContext
from server.http.dialects.azure import (
    AzureOperation,
    AzureStart,
    Unit,
    clockwise,
    lines_with_words,
)
from server.http.dialects.dialect import Target, Targets
from server.http.dialects.pages import ReadPage
from server.http.errors import error_of_code
from server.http.replies import Reply, converted_reply
from server.intake.fields import Form, is_given
from server.intake.request import ImageSource, OcrRequest
from server.jobs.converted import converted_job
from server.jobs.record import JobRecord

MODEL = "prebuilt-read"
API_VERSION = "2024-11-30"
RESULTS = f"/documentintelligence/documentModels/{MODEL}/analyzeResults"


class Analyze(AzureStart):
    """POST /documentintelligence/documentModels/MODEL:analyze: starts an operation."""

    url_field = "urlSource"

    def parse(self, form: Form) -> OcrRequest:
        """See Dialect."""
        if self.arguments[0] != MODEL:
            raise NotFound(f"there is no model of this name; the only one is {MODEL}")
        if (self.query("outputContentFormat") or "text") != "text":
            raise BadField("outputContentFormat must be text")
        output = self.query("output")
        if output not in (None, "", "pdf"):
            raise BadField("output must be pdf")
        fields = self.own_fields()
        if output:
            fields["format"] = "pdf"
        return self.ask(self.source(form), fields, block=False)

    def source(self, form: Form) -> ImageSource:
        """The image of a request."""
        if self.is_json and is_given(form.fields.get("base64Source")):
            return self.image(form.fields["base64Source"], "base64Source")
        return super().source(form)

    def accepted(self, job: JobRecord) -> Reply:
        """See Dialect."""
        return self.started(RESULTS, job)


class AnalyzeResult(AzureOperation):
    """GET /documentintelligence/documentModels/prebuilt-read/analyzeResults/ID."""

    async def answer(self, form: Form) -> Reply:
        """See Call."""
        return await self.told(DocumentResult())


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
        converter = self.context.converter
        if job.is_document:
            made = await converted_job(await jobs.pages(job), converter, job.rendering)
            return converted_reply(made, {})
        answer = await jobs.answer(job, with_image=True)
        converted = await converter.converted(answer, job.rendering)
        pdf = converted.result.artifacts[PDF_TYPE]
        return Reply(200, {"Content-Type": PDF_TYPE}, (pdf,))


class DocumentResult:
    """See PagesOfResult."""

    head: Mapping[str, Any] = {
        "apiVersion": API_VERSION,
        "modelId": MODEL,
        "stringIndexType": "unicodeCodePoint",
        "contentFormat": "text",
    }
    name = b"pages"

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._start = 0

    def page(self, number: int, page: ReadPage, unit: Unit) -> Mapping[str, Any]:
        """See PagesOfResult."""
        shown = _page(number, page, self._start, unit)
        self._texts.append(page.text)
        self._start += len(page.text) + 1
        return shown

    def rest(self) -> Mapping[str, Any]:
        """See PagesOfResult."""
        return {"content": "\f".join(self._texts), "paragraphs": [], "styles": []}


def _page(number: int, page: ReadPage, start: int, unit: Unit) -> dict[str, Any]:
    """A page; start: of its text in the content."""
    words, lines, place = [], [], start
    for line, of_line in lines_with_words(page):
        lines.append(
            {
                "content": line.text,
                "polygon": unit.box(line.box),
                "spans": [{"offset": place, "length": len(line.text)}],
            }
        )
        words += [
            {
                "content": word.text,
                "polygon": unit.box(word.box),
                "confidence": word.confidence,
                "span": {"offset": place + word.start, "length": len(word.text)},
            }
            for word in of_line
        ]
        place += len(line.text) + 1
    return {
        "pageNumber": number,
        "angle": clockwise(page),
        "width": unit.length(page.width),
        "height": unit.length(page.height),
        "unit": unit.name,
        "words": words,
        "lines": lines,
        "spans": [{"offset": start, "length": len(page.text)}],
    }


def targets(context: ServerContext) -> Targets:
    """The target of each route, by its name."""
    return {
        "analyze": Target(Analyze),
        "result": Target(AnalyzeResult, "call"),
        "pdf": Target(AnalyzePdf, "call"),
    }
