"""The HTTP API of Umi-OCR: /api/ocr for images. It always answers 200, with a `code`."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

from server.errors import BadField, MissingFile
from server.formats.answer import Answer, CacheOutcome
from server.formats.render import answer_text
from server.formats.stored import decode_result
from server.http.context import ServerContext
from server.http.dialects.dialect import Target, Targets
from server.http.dialects.foreign import ForeignApi, ForeignDialect
from server.http.dialects.umi_options import (
    FORMAT,
    Area,
    described,
    ended_lines,
    ignored_areas,
    own_fields,
    parser_of,
)
from server.http.errors import PublicError
from server.http.replies import Reply, answer_headers, problem_headers
from server.intake.fields import Form
from server.intake.request import OcrRequest

TYPE = {"Content-Type": "application/json"}
FOUND, NOTHING = 100, 101
NOT_JSON, NO_IMAGE, BAD_OPTIONS, BAD_VALUE = 800, 802, 803, 804
BAD_IMAGE, NOT_NOW = 901, 902
NO_TEXT = "No text found in image."


class UmiOcr(ForeignDialect):
    """POST /api/ocr: {"base64", "options"}."""

    _code = NOT_JSON
    _options: Mapping[str, Any] = {}
    _areas: Sequence[Area] = ()

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
        self._options, self._areas = options, ignored_areas(options)
        if options.get(FORMAT, "dict") not in ("dict", "text"):
            raise BadField(f"{FORMAT} must be dict or text")
        fields = own_fields(options, self.context.service.engine.models)
        self._code = NO_IMAGE
        asked = self.ask(self.image(form.fields["base64"], "base64"), fields)
        self._code = BAD_IMAGE
        return asked

    def render(self, answer: Answer, asked: OcrRequest, outcome: CacheOutcome) -> Reply:
        """See Dialect."""
        rendering = asked.rendering
        document = decode_result(answer.result, None, rendering.order)
        lines = list(ended_lines(document, parser_of(self._options), self._areas))
        body = self._envelope(FOUND if lines else NOTHING)
        if not lines:
            body["data"] = "" if document.lines and self._areas else NO_TEXT
        else:
            scores = [line.confidence for line, _ in lines]
            body["score"] = sum(scores) / len(scores)
            body["data"] = [
                {"text": line.text, "score": line.confidence, "box": line.box, "end": end}
                for line, end in lines
            ]
            if self._options.get(FORMAT) == "text":
                *before, (last, _) = lines
                text = "".join(line.text + end for line, end in before) + last.text
                is_code = rendering.text == "code" and not self._areas
                body["data"] = answer_text(answer, rendering) if is_code else text
        return _reply(body, answer_headers(answer, outcome, self.scope.elapsed_ms()))

    def problem(self, problem: PublicError) -> Reply:
        """See BodyApi."""
        of_request = problem.status == 400 and self._code != BAD_IMAGE
        code = self._code if of_request else _code_of(problem)
        body = {**self._envelope(code), "data": self.message_of(problem)}
        return _reply(body, problem_headers(problem))._replace(error=problem.code)

    def _envelope(self, code: int) -> dict[str, Any]:
        return {
            "code": code,
            "time": round(self.scope.elapsed_ms() / 1000, 4),
            "timestamp": time.time(),
        }


class UmiOptions(ForeignApi):
    """GET /api/ocr/get_options."""

    methods = ("GET", "HEAD")

    async def answer(self, form: Form) -> Reply:
        """See Call."""
        return _reply(described(self.context.service.engine.models), {})

    def problem(self, problem: PublicError) -> Reply:
        """See BodyApi."""
        body = {"code": _code_of(problem), "data": self.message_of(problem)}
        return _reply(body, problem_headers(problem))._replace(error=problem.code)


def _code_of(problem: PublicError) -> int:
    return BAD_IMAGE if problem.status in (400, 413, 415, 422) else NOT_NOW


def _reply(body: Mapping[str, Any], headers: Mapping[str, str]) -> Reply:
    """A reply whose JSON is ASCII, as Umi-OCR writes it."""
    return Reply(200, {**TYPE, **headers}, (json.dumps(body).encode(),))


def targets(context: ServerContext) -> Targets:
    """What answers the routes."""
    return {"ocr": Target(UmiOcr), "options": Target(UmiOptions, "call")}
