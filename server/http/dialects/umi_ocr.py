"""The HTTP API of Umi-OCR: /api/ocr for images. It always answers 200, with a `code`."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from server.errors import BadField, MissingFile
from server.formats.answer import Answer, CacheOutcome
from server.formats.stored import decode_result
from server.http.context import ServerContext
from server.http.dialects import umi_downloads
from server.http.dialects.dialect import Target, Targets
from server.http.dialects.foreign import ForeignApi, ForeignDialect
from server.http.dialects.umi_options import (
    FORMAT,
    described,
    described_for_documents,
    own_fields,
)
from server.http.dialects.umi_pages import View, content, view_of
from server.http.dialects.umi_replies import BAD_IMAGE, DONE, NOT_NOW, ascii_reply, problem_reply
from server.http.errors import PublicError
from server.http.replies import Reply, answer_headers
from server.intake.fields import Form
from server.intake.request import OcrRequest

NOT_JSON, NO_IMAGE, BAD_OPTIONS, BAD_VALUE = 800, 802, 803, 804


class UmiOcr(ForeignDialect):
    """POST /api/ocr: {"base64", "options"}."""

    _code = NOT_JSON
    _options: Mapping[str, Any] = {}
    _view = View()

    def parse(self, form: Form) -> OcrRequest:
        """See Dialect; the code of an error says how far this came."""
        self._code = NO_IMAGE
        if "base64" not in form.fields:
            raise MissingFile("base64 is missing; send the image as base64 in it")
        self._code = BAD_OPTIONS
        options = form.fields.get("options") or {}
        if not isinstance(options, dict):
            raise BadField("options must be an object")
        self._code = BAD_VALUE
        self._options, self._view = options, view_of(options)
        if options.get(FORMAT, "dict") not in ("dict", "text"):
            raise BadField(f"{FORMAT} must be dict or text")
        fields = own_fields(options, self.context.service.engine.models)
        self._code = NO_IMAGE
        asked = self.ask(self.image(form.fields["base64"], "base64"), fields)
        self._code = BAD_IMAGE
        return asked

    def render(self, answer: Answer, asked: OcrRequest, outcome: CacheOutcome) -> Reply:
        """See Dialect."""
        document = decode_result(answer.result, None, asked.rendering.order)
        body = self._envelope(DONE)
        body |= content(document, self._view, self._options.get(FORMAT) == "text")
        return ascii_reply(body, answer_headers(answer, outcome, self.scope.elapsed_ms()))

    def problem(self, problem: PublicError) -> Reply:
        """See BodyApi."""
        of_request = problem.status == 400 and self._code != BAD_IMAGE
        code = self._code if of_request else _code_of(problem)
        return problem_reply(problem, {**self._envelope(code), "data": self.message_of(problem)})

    def _envelope(self, code: int) -> dict[str, Any]:
        return {
            "code": code,
            "time": round(self.scope.elapsed_ms() / 1000, 4),
            "timestamp": time.time(),
        }


class UmiOptions(ForeignApi):
    """GET /api/ocr/get_options, GET /api/doc/get_options."""

    methods = ("GET", "HEAD")

    async def answer(self, form: Form) -> Reply:
        """See Call."""
        models = self.context.service.engine.models
        of_documents = self.request.path.endswith("/doc/get_options")
        return ascii_reply((described_for_documents if of_documents else described)(models), {})

    def problem(self, problem: PublicError) -> Reply:
        """See BodyApi."""
        body = {"code": _code_of(problem), "data": self.message_of(problem)}
        return problem_reply(problem, body)


def _code_of(problem: PublicError) -> int:
    return BAD_IMAGE if problem.status in (400, 413, 415, 422) else NOT_NOW


def targets(context: ServerContext) -> Targets:
    """The target of each route, by its name."""
    return {
        "ocr": Target(UmiOcr),
        "options": Target(UmiOptions, "call"),
        **umi_downloads.targets(context),
    }
