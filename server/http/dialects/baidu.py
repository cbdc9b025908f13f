"""The general text recognition of Baidu Cloud. It always answers 200, with `error_code` on errors.

A client first exchanges its key for a token, which it then has in the query string. So the query
never has the key itself, and a token is worthless after an hour.
"""

from __future__ import annotations

import functools
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from tornado.httputil import HTTPHeaders

from ocr_engine.errors import UnsupportedFormat
from server.errors import BadField, KeyInvalid
from server.formats.answer import Answer, Body, CacheOutcome
from server.formats.json_text import JSON_TYPE, dump
from server.formats.pages import DocumentFacts, PageResult
from server.http.context import ServerContext
from server.http.dialects.dialect import Target, Targets
from server.http.dialects.foreign import ForeignApi, ForeignDialect, any_body, flag
from server.http.dialects.pages import (
    Box,
    ReadLine,
    ReadPage,
    bounds,
    read_page,
    read_pages,
)
from server.http.errors import PublicError
from server.http.gate import admit_key
from server.http.replies import Reply, json_reply, problem_headers
from server.intake.body import BodyReader
from server.intake.fields import Form, is_given
from server.intake.request import OcrRequest
from server.principal import Scope
from server.settings.dialects import BAIDU_KEY

TOKEN_PATH = "/oauth/2.0/token"
TOKEN_SECONDS = 3600.0
MAX_TOKENS = 10_000
SCOPE = "public brain_all_scope"  # without the second word, Baidu's client sends no token
PDF = "pdf_file"
_SOURCES = ("image", "url", PDF, "ofd_file")  # the first one that is there counts
WITH_LOCATION = ("general", "accurate")

_ERRORS: Mapping[str, tuple[int, str]] = {
    "missing_file": (216101, "not enough param"),
    "bad_field": (216100, "invalid param"),
    "bad_request": (216100, "invalid param"),
    "bad_pages": (216100, "invalid param"),
    "pdf_broken": (216201, "image format error"),
    "pdf_encrypted": (216201, "image format error"),
    "page_failed": (216201, "image format error"),
    "page_timeout": (216630, "recognize error"),
    "unsupported_format": (216201, "image format error"),
    "invalid_image": (216201, "image format error"),
    "too_many_pixels": (216202, "image size error"),
    "body_too_large": (216202, "image size error"),
    "image_too_complex": (216630, "recognize error"),
    "poison_input": (216630, "recognize error"),
    "key_required": (110, "Access token invalid or no longer valid"),
    "key_invalid": (110, "Access token invalid or no longer valid"),
    "not_allowed": (6, "No permission to access data"),
    "rate_limited": (18, "Open api qps request limit reached"),
    "queue_full": (18, "Open api qps request limit reached"),
    "quota_exceeded": (17, "Open api daily request limit reached"),
    "method_not_allowed": (3, "Unsupported openapi method"),
}
_UNAVAILABLE = (2, "Service temporarily unavailable")
_INTERNAL = (282000, "internal error")


class Tokens:
    """The keys behind tokens, in memory. clock: seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._keys: OrderedDict[str, tuple[str | None, float]] = OrderedDict()

    def new(self, key: str | None) -> str:
        """A token for a key that was checked; None: for requests that need no key."""
        token = f"24.{secrets.token_hex(24)}"
        self._keys[token] = key, self._clock() + TOKEN_SECONDS
        if len(self._keys) > MAX_TOKENS:
            self._keys.popitem(last=False)
        return token

    def key(self, token: str) -> str | None:
        """The key behind a token; KeyInvalid if the token is unknown or has expired."""
        key, expires_at = self._keys.get(token, (None, 0.0))
        if self._clock() >= expires_at:
            raise KeyInvalid(f"the token is unknown or has expired; get another one: {TOKEN_PATH}")
        return key


class BaiduOcr(ForeignDialect):
    """POST /rest/2.0/ocr/v1/SERVICE: a form with `image`."""

    key_place = BAIDU_KEY

    def __init__(self, *given: Any, tokens: Tokens) -> None:
        super().__init__(*given)
        self._tokens = tokens
        self._fields: Mapping[str, Any] = {}
        self._is_pdf = False

    def key(self, headers: HTTPHeaders) -> str | None:
        """See BodyApi: the key behind the token in the query string."""
        token = self.query("access_token")
        return super().key(headers) if not token else self._tokens.key(token)

    def reader(self) -> BodyReader:
        """See BodyApi."""
        return any_body(self.request.headers.get("Content-Type", ""))

    def parse(self, form: Form) -> OcrRequest:
        """See Dialect."""
        fields = self._fields = form.fields
        name = next((each for each in _SOURCES if is_given(fields.get(each))), "image")
        if name == "ofd_file":
            raise BadField("ofd_file is not accepted; send a PDF in `pdf_file`, or an image")
        self._is_pdf = name == PDF
        wants_characters = fields.get("recognize_granularity") == "small" and self._has_location
        options = {"granularity": "char"} if wants_characters else {}
        if self._is_pdf:  # one page of it, the first unless another one is asked for
            options["pages"] = _page_number(fields.get("pdf_file_num"))
        return self.ask(self.image(fields.get(name), name), options)

    def render(self, answer: Answer, asked: OcrRequest, outcome: CacheOutcome) -> Reply:
        """See Dialect."""
        return self.reply(self._body(read_pages(answer)), answer, outcome)

    def may_send_document(self) -> bool:
        """See DocumentDialect: only documents within the limit of images."""
        return False

    def check_document(self, asked: OcrRequest) -> None:
        """See DocumentDialect; UnsupportedFormat for a document that was sent as an image."""
        if not self._is_pdf:
            raise UnsupportedFormat(
                f"the bytes are a document; send its pages as images, or a PDF in `{PDF}`"
            )

    def render_document(
        self, pages: Iterable[PageResult], asked: OcrRequest, facts: DocumentFacts
    ) -> tuple[str, Body]:
        """See DocumentDialect."""
        body = self._body([read_page(page.result) for page in pages])
        return JSON_TYPE, (dump({**body, "pdf_file_size": str(facts.page_count)}),)

    def _body(self, pages: Sequence[ReadPage]) -> dict[str, Any]:
        words = [self._line(line) for page in pages for line in page.lines]
        body: dict[str, Any] = {
            "log_id": new_log_id(),
            "words_result_num": len(words),
            "words_result": words,
        }
        if flag(self._fields, "detect_direction"):
            body["direction"] = pages[0].angle // 90 if words else -1
        return body

    def problem(self, problem: PublicError) -> Reply:
        """See BodyApi."""
        rest = _UNAVAILABLE if problem.status in (503, 504) else _INTERNAL
        code, name = _ERRORS.get(problem.code, rest)
        body = {
            "log_id": new_log_id(),
            "error_code": code,
            "error_msg": f"{name}: {self.message_of(problem)}",
        }
        return json_reply(body, headers=problem_headers(problem))._replace(error=problem.code)

    @property
    def _has_location(self) -> bool:
        return self.request.path.rpartition("/")[2] in WITH_LOCATION

    def _line(self, line: ReadLine) -> dict[str, Any]:
        shown: dict[str, Any] = {"words": line.text}
        if flag(self._fields, "probability"):
            score = line.confidence  # of the line; its characters are not told apart
            shown["probability"] = {"average": score, "variance": 0.0, "min": score}
        if self._has_location:
            shown["location"] = _location(line.box)
            if line.parts:
                shown["chars"] = [
                    {"char": part["text"], "location": _location(part["box"])}
                    for part in line.parts
                ]
        return shown


class TokenCall(ForeignApi):
    """GET or POST /oauth/2.0/token: a token for the key in `client_secret`."""

    methods = ("GET", "POST")
    needs: Scope | None = None
    key_place = "client_secret, as a field or in the query string"

    def __init__(self, *given: Any, tokens: Tokens) -> None:
        super().__init__(*given)
        self._tokens = tokens

    def reader(self) -> BodyReader:
        """See BodyApi."""
        form = "application/x-www-form-urlencoded"
        return any_body(self.request.headers.get("Content-Type", form))

    async def answer(self, form: Form) -> Reply:
        """See Call; the key counts as used, and is checked again with each request."""
        given = form.fields.get("client_secret") or self.query("client_secret")
        key = self.own_key(str(given)) if is_given(given) else None
        counted = self.context.limiter.check_address(self.scope.address)
        if counted is not None:
            await counted
        waiting = admit_key(self.context, self.scope, key, "read")
        if waiting is not None:
            await waiting
        body = {
            "access_token": self._tokens.new(key),
            "expires_in": int(TOKEN_SECONDS),
            "scope": SCOPE,
            "refresh_token": "",
            "session_key": "",
            "session_secret": "",
        }
        return json_reply(body, headers={"Cache-Control": "no-store"})

    def problem(self, problem: PublicError) -> Reply:
        """See BodyApi."""
        kind = "invalid_client" if problem.status in (401, 403) else "invalid_request"
        body = {"error": kind, "error_description": self.message_of(problem)}
        reply = json_reply(body, problem.status, problem_headers(problem))
        return reply._replace(error=problem.code)


def new_log_id() -> int:
    """A random id that JavaScript's numbers can hold."""
    return secrets.randbits(52)


def _page_number(given: Any) -> str:
    number = str(given if is_given(given) else 1)
    if not (number.isascii() and number.isdigit()):
        raise BadField("pdf_file_num must be the number of a page")
    return number


def _location(box: Box) -> dict[str, int]:
    left, top, right, bottom = bounds(box)
    return {"left": left, "top": top, "width": right - left, "height": bottom - top}


def targets(context: ServerContext) -> Targets:
    """The target of each route, by its name."""
    tokens = Tokens()
    return {
        "ocr": Target(functools.partial(BaiduOcr, tokens=tokens)),
        "token": Target(functools.partial(TokenCall, tokens=tokens), "call"),
    }
