"""Open WebUI's external document loader: PUT /process with the file as the body."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import unquote

from cache.stored_result import StoredResult
from server.formats.answer import Answer, CacheOutcome
from server.http.context import ServerContext
from server.http.dialects.dialect import Target, Targets
from server.http.dialects.foreign import PagedDialect
from server.http.dialects.pages import full_text, read_page
from server.http.errors import PublicError
from server.http.replies import Reply, json_reply, problem_headers
from server.intake.body import BodyReader, RawBody
from server.intake.fields import Form
from server.intake.request import OcrRequest

NO_TEXT = "No extractable text"  # Open WebUI then tries its next loader


class Process(PagedDialect):
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
        body = self.body([answer.result], asked)
        if not body["page_content"]:
            return json_reply({"detail": NO_TEXT}, 422)
        return self.reply(body, answer, outcome)

    def body(self, pages: Sequence[StoredResult | None], asked: OcrRequest, kind: str = "") -> Any:
        """See PagedDialect."""
        metadata: dict[str, Any] = {"pages": len(pages)}
        name = self.request.headers.get("X-Filename")
        if name:
            metadata["source"] = unquote(name)
        text = full_text([read_page(stored) for stored in pages])
        return {"page_content": text, "metadata": metadata}

    def problem(self, problem: PublicError) -> Reply:
        """See BodyApi."""
        reply = json_reply(
            {"detail": self.message_of(problem)}, problem.status, problem_headers(problem)
        )
        return reply._replace(error=problem.code)


def targets(context: ServerContext) -> Targets:
    """The target of each route, by its name."""
    return {"process": Target(Process)}
