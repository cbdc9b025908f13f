"""Open WebUI's external document loader: PUT /process with the file as the body."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

from server.formats.answer import Answer, CacheOutcome
from server.http.context import ServerContext
from server.http.dialects.dialect import Target, Targets
from server.http.dialects.foreign import ForeignDialect
from server.http.dialects.pages import full_text, read_pages
from server.http.errors import PublicError
from server.http.replies import Reply, json_reply, problem_headers
from server.intake.body import BodyReader, RawBody
from server.intake.fields import Form
from server.intake.request import OcrRequest

NO_TEXT = "No extractable text"  # Open WebUI then tries its next loader


class Process(ForeignDialect):
    """The text of a file, and what is known of it."""

    methods = ("PUT",)

    def reader(self) -> BodyReader:
        """See BodyApi: the body is the file, whatever its type."""
        return RawBody()

    def parse(self, form: Form) -> OcrRequest:
        """See Dialect."""
        return self.ask(self.uploaded(form.image))

    def render(self, answer: Answer, asked: OcrRequest, outcome: CacheOutcome) -> Reply:
        """See Dialect."""
        pages = read_pages(answer)
        text = full_text(pages)
        if not text:
            return json_reply({"detail": NO_TEXT}, 422)
        metadata: dict[str, Any] = {"pages": len(pages)}
        name = self.request.headers.get("X-Filename")
        if name:
            metadata["source"] = unquote(name)
        return self.reply({"page_content": text, "metadata": metadata}, answer, outcome)

    def problem(self, problem: PublicError) -> Reply:
        """See BodyApi."""
        reply = json_reply({"detail": problem.message}, problem.status, problem_headers(problem))
        return reply._replace(error=problem.code)


def targets(context: ServerContext) -> Targets:
    """What answers the routes."""
    return {"process": Target(Process)}
