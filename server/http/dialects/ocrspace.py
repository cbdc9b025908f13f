"""The API of OCR.space: /parse/image. Errors have the status 200, except those of keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tornado.httputil import HTTPHeaders

from cache.stored_result import StoredResult
from server.errors import BadField, MissingFile
from server.http.context import ServerContext
from server.http.dialects.dialect import Target, Targets
from server.http.dialects.foreign import PagedDialect, any_body, flag
from server.http.dialects.pages import ReadLine, ReadPage, bounds, read_page, words_of
from server.http.errors import PublicError
from server.http.gate import key_in
from server.http.replies import Reply, json_reply, problem_headers
from server.intake.body import BodyReader
from server.intake.fields import Form, is_given
from server.intake.request import OcrRequest
from server.settings.dialects import OCRSPACE_KEY

KEY = "apikey"
PARSED, FAILED, FATAL = 1, 3, 4  # OCRExitCode
NOT_REQUESTED = "Searchable PDF not generated as it was not requested."


class OcrSpace(PagedDialect):
    """A form with a file, `base64Image` or `url`."""

    key_place = OCRSPACE_KEY

    _fields: Mapping[str, Any] = {}

    def key(self, headers: HTTPHeaders) -> str | None:
        """See BodyApi."""
        given = headers.get(KEY)
        return self.own_key(key_in(headers) if given is None else given)

    def key_in_body(self, form: Form) -> str | None:
        """See KeyInBody."""
        given = form.fields.get(KEY)
        return self.own_key(given) if isinstance(given, str) and given else None

    def reader(self) -> BodyReader:
        """See BodyApi."""
        return any_body(self.request.headers.get("Content-Type", ""))

    def parse(self, form: Form) -> OcrRequest:
        """See Dialect."""
        fields = self._fields = form.fields
        if flag(fields, "isCreateSearchablePdf"):
            raise BadField("isCreateSearchablePdf is not accepted: this server makes no PDF here")
        if form.image is not None:
            return self.ask(self.uploaded(form.image, "the file"))
        for name in ("base64Image", "url"):
            if is_given(fields.get(name)):
                return self.ask(self.image(fields[name], name))
        raise MissingFile("send a file, base64Image or url")

    def body(self, pages: Sequence[StoredResult | None], asked: OcrRequest, kind: str = "") -> Any:
        """See PagedDialect; lines end as on Windows."""
        return self._envelope(PARSED, [self._parsed(read_page(stored)) for stored in pages])

    def problem(self, problem: PublicError) -> Reply:
        """See BodyApi."""
        headers = problem_headers(problem)
        if problem.status in (401, 403, 429):
            status = 429 if problem.status == 429 else 403
            return json_reply(self.message_of(problem), status, headers)._replace(
                error=problem.code
            )
        of_the_image = problem.status in (413, 415, 422)
        body = self._envelope(FAILED if of_the_image else FATAL, [], [self.message_of(problem)])
        return json_reply(body, headers=headers)._replace(error=problem.code)

    def _envelope(
        self, code: int, results: list[dict[str, Any]], errors: list[str] | None = None
    ) -> dict[str, Any]:
        return {
            "ParsedResults": results,
            "OCRExitCode": code,
            "IsErroredOnProcessing": errors is not None,
            **({} if errors is None else {"ErrorMessage": errors, "ErrorDetails": ""}),
            "ProcessingTimeInMilliseconds": str(round(self.scope.elapsed_ms())),
            "SearchablePDFURL": NOT_REQUESTED,
        }

    def _parsed(self, page: ReadPage) -> dict[str, Any]:
        wants_overlay = flag(self._fields, "isOverlayRequired")
        lines = [_line(line, page.angle) for line in page.lines] if wants_overlay else []
        return {
            "TextOverlay": {
                "Lines": lines,
                "HasOverlay": wants_overlay,
                "Message": ""
                if wants_overlay
                else "Text overlay is not provided as it is not requested",
            },
            "TextOrientation": str(page.angle),
            "FileParseExitCode": 1,
            "ParsedText": "\r\n".join(line.text for line in page.lines),
            "ErrorMessage": "",
            "ErrorDetails": "",
        }


def _line(line: ReadLine, angle: int) -> dict[str, Any]:
    words = []
    for word in words_of(line, angle):
        left, top, right, bottom = bounds(word.box)
        size = {"Left": left, "Top": top, "Height": bottom - top, "Width": right - left}
        words.append({"WordText": word.text, **size})
    _, top, _, bottom = line.bounds
    return {"LineText": line.text, "Words": words, "MaxHeight": bottom - top, "MinTop": top}


def targets(context: ServerContext) -> Targets:
    """The target of each route, by its name."""
    return {"parse": Target(OcrSpace, "key_in_body")}
