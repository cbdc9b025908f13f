"""The API of PaddleX serving 3.x (`paddlex --serve`): the pipelines OCR and PP-StructureV3."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cache.stored_result import StoredResult
from server.errors import BadField
from server.http.context import ServerContext
from server.http.dialects.dialect import Target, Targets
from server.http.dialects.foreign import ForeignApi, PagedDialect, translated
from server.http.dialects.paddlex_results import layout_results, ocr_results
from server.http.errors import PublicError
from server.http.replies import Reply, json_reply, problem_headers
from server.intake.fields import Form
from server.intake.request import OcrRequest
from server.principal import Scope

OPTIONS = {
    "useTextlineOrientation": "use_angle_cls",
    "textDetLimitSideLen": "det_limit_side_len",
    "textDetLimitType": "det_limit_type",
    "textDetThresh": "det_db_thresh",
    "textDetBoxThresh": "det_db_box_thresh",
    "textDetUnclipRatio": "det_db_unclip_ratio",
    "textRecScoreThresh": "drop_score",
}
MAX_ID_CHARACTERS = 200


def own_fields(given: Mapping[str, Any]) -> dict[str, Any]:
    """PaddleX's options as this server's own; what is left out or null has our default.

    There is no model for the orientation or the shape of documents to be switched on or off: turned
    pages are noticed by their lines.
    """
    fields = translated(given, OPTIONS)
    if given.get("returnWordBox"):
        fields["granularity"] = "word"
    if given.get("visualize"):
        fields["format"] = "image"
    return fields


class PaddlexApi(ForeignApi):
    """How PaddleX writes errors: {"logId", "errorCode", "errorMsg"}, with a status."""

    log_id = ""

    def problem(self, problem: PublicError) -> Reply:
        """See BodyApi; what PaddleX would not accept has the status 422 there."""
        status = 422 if problem.status in (400, 415) else problem.status
        body = self.envelope(status, self.message_of(problem))
        return json_reply(body, status, problem_headers(problem))._replace(error=problem.code)

    def envelope(self, code: int, message: str) -> dict[str, Any]:
        """What all answers have."""
        log_id = self.log_id or self.scope.request_id
        return {"logId": log_id, "errorCode": code, "errorMsg": message}


class PaddlexOcr(PaddlexApi, PagedDialect):
    """POST /ocr with the image in `file`."""

    results = staticmethod(ocr_results)

    def parse(self, form: Form) -> OcrRequest:
        """See Dialect."""
        given = form.fields
        log_id = given.get("logId")
        if isinstance(log_id, str):
            self.log_id = log_id[:MAX_ID_CHARACTERS]
        if given.get("fileType") not in (None, 0, 1):
            raise BadField("fileType must be 1 (image), 0 (PDF) or null")
        return self.ask(self.image(given.get("file"), "file"), own_fields(given))

    def body(self, pages: Sequence[StoredResult | None], asked: OcrRequest, kind: str = "") -> Any:
        """See PagedDialect."""
        score = minimum_score(asked)
        result = self.results(pages, asked.rendering, asked.options, score, kind)
        return {**self.envelope(0, "Success"), "result": result}


class PaddlexLayout(PaddlexOcr):
    """POST /layout-parsing: blocks and Markdown."""

    results = staticmethod(layout_results)


class PaddlexHealth(PaddlexApi):
    """GET /health."""

    methods = ("GET", "HEAD")
    needs: Scope | None = None

    async def answer(self, form: Form) -> Reply:
        """200 if images are read now, otherwise 503."""
        if self.context.ready():
            return json_reply(self.envelope(0, "Healthy"))
        return json_reply(self.envelope(503, "Not ready"), 503)


def minimum_score(asked: OcrRequest) -> float:
    """The confidence below which lines are left out."""
    score = asked.rendering.drop_score
    return asked.options.shown_score if score is None else score


def targets(context: ServerContext) -> Targets:
    """The target of each route, by its name."""
    return {
        "ocr": Target(PaddlexOcr),
        "layout": Target(PaddlexLayout),
        "health": Target(PaddlexHealth, "call"),
    }
