"""What the APIs of other servers share: keys, images, requests, answers and addresses."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tornado.httputil import HTTPHeaders, HTTPServerRequest

from cache.stored_result import StoredResult
from server.errors import BadField, BadRequest, MissingFile
from server.formats.answer import Answer, Body, CacheOutcome
from server.formats.json_text import JSON_TYPE, dump
from server.formats.pages import DocumentFacts, PageResult
from server.http.client_address import is_trusted
from server.http.client_stream import stream_of
from server.http.context import ServerContext
from server.http.errors import PublicError
from server.http.gate import key_in
from server.http.replies import Reply, answer_headers, json_reply
from server.http.request_scope import RequestScope
from server.intake.body import BodyReader, RawBody, TextBody, body_reader
from server.intake.body_rules import TOLERANT_RULES
from server.intake.fields import INLINE_BYTES, checked, is_given
from server.intake.request import ImageSource, OcrRequest
from server.intake.request_fields import CONSTRAINTS, request_for
from server.intake.spooled_upload import SPOOL_BYTES, SpooledUpload
from server.intake.text_bodies import parse_json
from server.jobs.record import JobRecord
from server.principal import Scope
from server.settings.dialect_row import PREFIX
from server.settings.dialects import OWN_KEY
from server.users.key_format import id_of

ANSWER_WEIGHT = 4  # the time to write an answer, relative to parsing the stored JSON
_MESSAGES: Mapping[str, str] = {
    "key_required": "send a key: {key_place}",
    "pdf_encrypted": "the document is encrypted; send it without its password",
    "pdf_signed": "the PDF is signed, and writing it again would break that; ask only for the text",
    "too_many_pages": "the document has more than {max_pages} pages; send it in parts",
    "too_many_pages_to_wait": "the document has more than {sync_pages} pages; send it in parts",
}  # where the message of an error names fields of this server's own API
_SCHEMES = ("http", "https")
_URL_STARTS = ("http://", "https://")


class ForeignApi:
    """One request to an API of another server; see BodyApi.

    arguments: what the groups of the route's path matched. key_place: where its clients have their
    key, for people.
    """

    methods: Sequence[str] = ("POST",)
    needs: Scope | None = "read"
    key_place = OWN_KEY

    def __init__(
        self,
        context: ServerContext,
        request: HTTPServerRequest,
        scope: RequestScope,
        *arguments: str,
    ) -> None:
        self.context = context
        self.request = request
        self.scope = scope
        self.arguments = arguments

    def key(self, headers: HTTPHeaders) -> str | None:
        """See BodyApi; `Authorization: token KEY`, as some clients send it, is accepted, too."""
        method, _, token = headers.get("Authorization", "").partition(" ")
        return self.own_key(token.strip() if method.lower() == "token" else key_in(headers))

    def own_key(self, key: str | None) -> str | None:
        """The key, or None if it is none of this server's and none is required.

        Clients of other servers send placeholders where no key is needed.
        """
        if key is None or self.context.settings.access.required or id_of(key) is not None:
            return key
        return key if self.context.keyring.recall(key) is not None else None

    def message_of(self, problem: PublicError) -> str:
        """The message of an error, with what a client of this API can do about it."""
        message = _MESSAGES.get(problem.code)
        if message is None:
            return problem.message
        limits = self.context.settings.documents
        return message.format(
            key_place=self.key_place, max_pages=limits.max_pages, sync_pages=limits.sync_pages
        )

    def reader(self) -> BodyReader:
        """See BodyApi: JSON, whatever the Content-Type says; with GET, nothing."""
        return json_body() if self.request.method in ("POST", "PUT") else RawBody()

    def query(self, name: str) -> str | None:
        """A parameter of the query string; the last one if it is repeated."""
        values = self.request.query_arguments.get(name)
        return values[-1].decode("utf-8", "replace") if values else None

    def url(self, path: str) -> str:
        """The absolute URL of another path of this API, as the client sees it."""
        mount = "/".join(self.request.path.split("/")[:3])
        mount = mount if mount.startswith(f"{PREFIX}/") else ""
        return f"{self._origin()}{self.scope.prefix}{mount}{path}"

    def _origin(self) -> str:
        """The scheme and host that the client has used."""
        stream = stream_of(self.request)
        scheme = self.request.protocol
        if is_trusted(stream.peer, self.context.settings.web_server.trusted_proxies):
            forwarded = self.request.headers.get("X-Forwarded-Proto", "").lower()
            scheme = forwarded if forwarded in _SCHEMES else scheme
        host = self.context.origins.forwarded_host(self.request, stream) or self.request.host
        return f"{scheme}://{host}"


class ForeignDialect(ForeignApi):
    """One request for a recognition; see Dialect."""

    def image(self, text: Any, field: str) -> ImageSource:
        """The source of an image in base64, with or without the prefix of a data URI.

        Also of the URL of an image, if the server fetches URLs; otherwise BadField. field: where it
        was sent. MissingFile.
        """
        if not is_given(text):
            raise MissingFile(f"{field} is missing or empty; send the image as base64 in it")
        if not isinstance(text, str):
            raise BadField(f"{field} must be a string: the image as base64")
        if text[:8].lower().startswith(_URL_STARTS):
            if self.context.sources.accepts_urls:
                return self.context.sources.url(text)
            raise BadField(f"{field}: this server fetches no URLs; send the image as base64")
        return self.context.sources.base64(text, field)

    def uploaded(self, data: bytes | SpooledUpload | None, where: str = "the body") -> ImageSource:
        """The source of an image that was sent as bytes; MissingFile if there are none."""
        if not data:
            raise MissingFile(f"{where} is missing or empty; send the image's bytes in it")
        return self.context.sources.uploaded(data)

    def ask(
        self, source: ImageSource, fields: Mapping[str, Any] | None = None, block: bool = True
    ) -> OcrRequest:
        """The request for an image; fields: this server's own, with values that are accepted."""
        read_cache = "no-cache" not in self.request.headers.get("Cache-Control", "").lower()
        all_fields = {**(fields or {}), "block_flag": block}
        return request_for(lambda: source, all_fields, self.context.default_options, read_cache)

    def is_long(self, answer: Answer, asked: OcrRequest) -> bool:
        """See Dialect."""
        return len(answer.result.json) * ANSWER_WEIGHT > INLINE_BYTES

    def accepted(self, job: JobRecord) -> Reply:
        """See Dialect; for APIs that always wait for the result."""
        raise NotImplementedError

    def reply(self, value: Any, answer: Answer, outcome: CacheOutcome) -> Reply:
        """A reply with a JSON body, for a result."""
        return json_reply(value, headers=answer_headers(answer, outcome, self.scope.elapsed_ms()))

    def text_reply(
        self, text: str, media_type: str, answer: Answer, outcome: CacheOutcome
    ) -> Reply:
        """A reply with another body, for a result."""
        headers = answer_headers(answer, outcome, self.scope.elapsed_ms())
        return Reply(200, {**headers, "Content-Type": media_type}, (text.encode(),))


class JobDialect(ForeignDialect):
    """A dialect whose requests start jobs, of images or documents."""

    def render(self, answer: Answer, asked: OcrRequest, outcome: CacheOutcome) -> Reply:
        """See Dialect; nothing is answered but jobs."""
        raise NotImplementedError

    @property
    def spool_above(self) -> int:
        """A document of more bytes goes to the disk."""
        return min(SPOOL_BYTES, self.context.max_body_bytes // 2)

    def may_send_document(self) -> bool:
        """See DocumentDialect: JSON has documents within the limit of images."""
        given = self.request.headers.get("Content-Type", "").lower()
        return not given.startswith("application/json")

    def check_document(self, asked: OcrRequest) -> None:
        """See DocumentDialect."""

    def render_document(
        self, pages: Iterable[PageResult], asked: OcrRequest, facts: DocumentFacts
    ) -> tuple[str, Body]:
        """See DocumentDialect; nothing is answered but jobs."""
        raise NotImplementedError


class PagedDialect(ForeignDialect):
    """A dialect whose answer has a part for each page, so that documents may be sent as well.

    An image is answered as a document of one page. A page that could not be read has no lines.
    """

    def body(self, pages: Sequence[StoredResult | None], asked: OcrRequest, kind: str = "") -> Any:
        """The answer as JSON; kind: of the document, empty for an image."""
        raise NotImplementedError

    def render(self, answer: Answer, asked: OcrRequest, outcome: CacheOutcome) -> Reply:
        """See Dialect."""
        return self.reply(self.body([answer.result], asked), answer, outcome)

    def may_send_document(self) -> bool:
        """See DocumentDialect: only documents within the limit of images."""
        return False

    def check_document(self, asked: OcrRequest) -> None:
        """See DocumentDialect."""
        if asked.rendering.format != "json":
            raise BadField("documents have no drawing")

    def render_document(
        self, pages: Iterable[PageResult], asked: OcrRequest, facts: DocumentFacts
    ) -> tuple[str, Body]:
        """See DocumentDialect."""
        body = self.body([page.result for page in pages], asked, facts.kind)
        return JSON_TYPE, (dump(body),)


def json_body() -> BodyReader:
    """A reader for JSON of any depth."""
    return TextBody(functools.partial(parse_json, rules=TOLERANT_RULES))


def any_body(
    content_type: str, raw_image: bool = False, spool_above: int | None = None
) -> BodyReader:
    """A reader for forms and JSON; raw_image: also for a body that is the image itself.

    spool_above: a document of more bytes goes to the disk.
    """
    return body_reader(content_type, raw_image, rules=TOLERANT_RULES, spool_above=spool_above)


def translated(given: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """Fields of another API as this server's own; BadField names theirs. names: theirs to ours."""
    return {
        own: checked(theirs, given[theirs], CONSTRAINTS[own])
        for theirs, own in names.items()
        if is_given(given.get(theirs))
    }


def flag(given: Mapping[str, Any], name: str) -> bool:
    """Whether a field is true, as JSON or text; anything else counts as false."""
    return str(given.get(name)).lower() in ("true", "1", "yes", "on")


def json_object(value: Any, name: str) -> dict[str, Any]:
    """A field that is a JSON object, or the text of one; BadField if it is neither."""
    try:
        found = parse_json(value.encode(), TOLERANT_RULES) if isinstance(value, str) else value
    except (BadRequest, UnicodeEncodeError):
        found = None
    if not isinstance(found, dict):
        raise BadField(f"{name} must be a JSON object")
    return found
