"""The JSON of small CRNN services: an image in, {"success", "text", "elapsed_ms"} out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cache.stored_result import StoredResult
from server.errors import MissingFile
from server.http.context import ServerContext
from server.http.dialects.dialect import Target, Targets
from server.http.dialects.foreign import PagedDialect, any_body
from server.http.dialects.pages import full_text, read_page
from server.http.errors import PublicError
from server.http.replies import Reply, json_reply, problem_headers
from server.intake.body import BodyReader
from server.intake.fields import Form, is_given
from server.intake.request import OcrRequest

TEXT_FIELDS = ("image", "image_base64")


class Crnn(PagedDialect):
    """A form with any file, an image as the body, or base64 in `image`."""

    def reader(self) -> BodyReader:
        """See BodyApi."""
        return any_body(self.request.headers.get("Content-Type", ""), raw_image=True)

    def parse(self, form: Form) -> OcrRequest:
        """See Dialect."""
        if form.image is not None:
            return self.ask(self.uploaded(form.image))
        for name in TEXT_FIELDS:
            if is_given(form.fields.get(name)):
                return self.ask(self.image(form.fields[name], name))
        raise MissingFile("send the image as a file, or as base64 in `image`")

    def body(self, pages: Sequence[StoredResult | None], asked: OcrRequest, kind: str = "") -> Any:
        """See PagedDialect."""
        return self._body(text=full_text([read_page(stored) for stored in pages]))

    def problem(self, problem: PublicError) -> Reply:
        """See BodyApi."""
        body = self._body(text="", error=self.message_of(problem))
        reply = json_reply(body, problem.status, problem_headers(problem))
        return reply._replace(error=problem.code)

    def _body(self, **fields: Any) -> dict[str, Any]:
        elapsed = round(self.scope.elapsed_ms(), 1)
        return {"success": "error" not in fields, **fields, "elapsed_ms": elapsed}


def targets(context: ServerContext) -> Targets:
    """The target of each route, by its name."""
    return {"ocr": Target(Crnn)}
