"""A different dialect on the same exchange: nested JSON, its own errors, its key in the body."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator

import pytest
import tornado.web
from tornado.httpserver import HTTPServer
from tornado.httputil import HTTPHeaders, HTTPServerRequest
from tornado.netutil import bind_sockets

from server.errors import BadRequest
from server.formats.answer import Answer, CacheOutcome, Envelope
from server.formats.rendering import Rendering
from server.formats.stored import decode_text
from server.http.context import ServerContext
from server.http.errors import PublicError
from server.http.gate import key_in
from server.http.handlers.recognize import ExchangeRoute
from server.http.listening import Listener
from server.http.replies import Reply as Answered
from server.http.replies import answer_reply, json_reply
from server.http.request_scope import RequestScope
from server.intake.body import BodyReader, TextBody
from server.intake.fields import Form
from server.intake.request import OcrRequest
from server.intake.request_fields import parse_request
from server.jobs.record import JobRecord, wait_for_end
from server.principal import Principal, Scope
from tests.support.cards import card
from tests.support.http_client import Client, Reply
from tests.support.live_server import LiveServer


class ForeignDialect:
    """{"call": {"id", "key", "image"}} gets {"call", "lines"} or {"call", "error"}, with 200."""

    methods = ("POST", "PUT")
    needs: Scope | None = "read"

    def __init__(
        self, context: ServerContext, request: HTTPServerRequest, scope: RequestScope
    ) -> None:
        self._context = context
        self._headers = request.headers
        self._scope = scope
        self._call = ""

    def key(self, headers: HTTPHeaders) -> str | None:
        return key_in(headers)

    def reader(self) -> BodyReader:
        if self._headers.get("Content-Type") != "application/foreign":
            raise BadRequest("send application/foreign")
        return TextBody(json.loads)

    def parse(self, form: Form) -> OcrRequest:
        call = form.fields["call"]
        self._call = call["id"]
        self._scope.principal = Principal(call["key"])
        block = call.get("wait", True)
        fields = {"image": call["image"], "block_flag": block, "format": "text"}
        return parse_request(Form(fields), self._context.sources, self._context.default_options)

    def is_long(self, answer: Answer, asked: OcrRequest) -> bool:
        return False

    def render(self, answer: Answer, asked: OcrRequest, outcome: CacheOutcome) -> Answered:
        envelope = Envelope(outcome, self._scope.elapsed_ms(), self._scope.request_id)
        text = b"".join(answer_reply(answer, Rendering("text"), envelope).body).decode()
        return self._reply(lines=text.splitlines(), owner=self._scope.principal.user)

    def accepted(self, job: JobRecord) -> Answered:
        return self._reply(ticket=job.job_id)

    def problem(self, problem: PublicError) -> Answered:
        return self._reply(error=problem.code)._replace(error=problem.code)

    def _reply(self, **more: object) -> Answered:
        return json_reply({"call": self._call, **more})


@pytest.fixture
def foreign(wide: LiveServer) -> Iterator[Client]:
    """A client of a second server on the same context, with the foreign route only."""
    route = (r"/foreign", ExchangeRoute(ForeignDialect), {"context": wide.context})

    def start() -> tuple[Listener, int]:
        context = wide.context
        server = HTTPServer(tornado.web.Application([route]), max_body_size=1 << 50)
        outgoing, patience = context.inflight.outgoing, context.patience_seconds
        listener = Listener(server, context.connections, outgoing, 30.0, patience)
        sockets = bind_sockets(0, "127.0.0.1")
        listener.add_sockets(sockets)
        return listener, sockets[0].getsockname()[1]

    listener, port = wide.call(start)
    client = Client()
    client.port = port
    yield client
    wide.call(listener.stop)
    wide.run(listener.close_all_connections)


def call(client: Client, image: str, method: str = "POST", **more: object) -> Reply:
    body = {"call": {"id": "7", "key": "k", "image": image, "unknown": [1, {}], **more}}
    headers = {"Content-Type": "application/foreign"}
    return client.request(method, "/foreign?any=thing", json.dumps(body).encode(), headers)


def base64_card(text: str) -> str:
    return base64.b64encode(card(text)).decode()


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_it_reads_nested_json_and_answers_in_its_own_words(foreign: Client, method: str) -> None:
    for _ in range(2):  # also from the cache
        reply = call(foreign, base64_card("abroad"), method)
        assert (reply.status, reply.json) == (
            200,
            {"call": "7", "lines": ["abroad"], "owner": "k"},
        )


def test_its_jobs_are_jobs(foreign: Client, wide: LiveServer) -> None:
    ticket = call(foreign, base64_card("later"), wait=False).json["ticket"]
    assert wide.get(f"/jobs/{ticket}").status == 404, "a job of another user"

    async def text() -> str:
        jobs = await wide.context.jobs.open()
        job = await wait_for_end(jobs, await jobs.get("k", ticket), 20)
        return decode_text((await jobs.answer(job)).result)

    assert wide.run(text) == "later"


def test_errors_are_in_its_form_and_counted_under_their_code(
    foreign: Client, wide: LiveServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = {"code": "200", "error": "unsupported_format"}
    before = wide.metric("ocr_requests_total", **counted)
    reply = call(foreign, "bm8gcGljdHVyZQ==")
    assert (reply.status, reply.json) == (200, {"call": "7", "error": "unsupported_format"})
    assert wide.metric("ocr_requests_total", **counted) == before + 1

    refused = foreign.request("POST", "/foreign", b"{}", {"Content-Type": "text/plain"})
    assert (refused.status, refused.json) == (200, {"call": "", "error": "bad_request"})
    wrong = foreign.request("DELETE", "/foreign")
    assert (wrong.json["error"], wrong.headers["Allow"]) == ("method_not_allowed", "POST, PUT")

    monkeypatch.setattr(wide.context, "draining", True)
    assert call(foreign, base64_card("too late abroad")).json == {"call": "", "error": "draining"}


def test_an_error_nobody_foresaw_is_logged_and_written_in_its_form(
    foreign: Client, caplog: pytest.LogCaptureFixture
) -> None:
    reply = call(foreign, base64_card("odd"), id=None, key=None, wait=[])
    assert reply.json["error"] == "bad_field"
    broken = foreign.request("POST", "/foreign", b"[]", {"Content-Type": "application/foreign"})
    assert broken.json == {"call": "", "error": "internal_error"}
    assert [record.name for record in caplog.records if record.exc_info] == ["server.request"]
    caplog.clear()
