"""What a client of each dialect gets for a bad image, a full queue, a wrong key, a PDF and a field
that nobody knows: in the form and with the codes of its contract, and with what it can do.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import pytest

from server.http.dialects.baidu import _ERRORS
from server.settings.dialects import DIALECTS, NAMES
from server.users.key_format import new_id, new_secret_key
from tests.support.cards import card
from tests.support.foreign_calls import CALLS, JSON, ForeignCall, as_form, fields_of
from tests.support.foreign_errors import ALWAYS_200, error_in
from tests.support.http_client import Client, Reply
from tests.support.live_server import ADMIN_KEY, LiveServer
from tests.support.pdfs import card_pdf
from tests.support.watching import wait_until

BROKEN = card("broken")[:60]
PDF = card_pdf(["a page"])
BROKEN_PDF = b"%PDF-1.7\n1 0 obj\n<< >>\nendobj\n"
ADMIN = {"Authorization": f"Bearer {ADMIN_KEY}"}
Error = tuple[int, object]  # the status, and the code in the terms of the API


@dataclass(frozen=True)
class Sees:
    """What clients get. document: None if it is read."""

    broken: Error
    full: Error
    key: Error
    document: Error | None = None


_FASTAPI = Sees((422, None), (503, None), (401, None))
_PADDLEX = Sees((422, 422), (503, 503), (401, 401))
_AZURE_FULL, _AZURE_KEY = (503, "ServiceUnavailable"), (401, "401")
_AZURE_JOB = Sees((200, "InvalidImage"), _AZURE_FULL, _AZURE_KEY)
_AZURE = Sees((400, "InvalidImage"), _AZURE_FULL, _AZURE_KEY, (400, "InvalidImageFormat"))
SEES = {
    "paddlex /ocr": _PADDLEX,
    "paddlex /layout-parsing": _PADDLEX,
    "paddleocr-jobs /api/v2/ocr/jobs": Sees((200, "failed"), (503, 503), (401, 401)),
    "hubserving /predict/ocr_system": Sees((200, "000"), (200, "101"), (200, "101"), (200, "000")),
    "rapidocr /ocr": Sees((422, None), (503, None), (401, None), (415, None)),
    "umi-ocr /api/ocr": Sees((200, 901), (200, 902), (200, 902), (200, 901)),
    "openai /v1/chat/completions": Sees(
        (422, "invalid_image"),
        (503, "queue_full"),
        (401, "invalid_api_key"),
    ),
    "mistral /v1/ocr": Sees((422, "invalid_image"), (503, "503"), (401, "401")),
    "open-webui /process": _FASTAPI,
    "azure-read /vision/v3.2/read/analyze": _AZURE_JOB,
    "azure-read /vision/v3.2/ocr": _AZURE,
    "azure-vision /computervision/imageanalysis:analyze": _AZURE,
    "azure-documents /documentintelligence/documentModels/prebuilt-read:analyze": _AZURE_JOB,
    "baidu /rest/2.0/ocr/v1/general_basic": Sees(
        (200, 216201), (200, 18), (200, 110), (200, 216201)
    ),
    "ocrspace /parse/image": Sees((200, 3), (200, 4), (403, None)),
    "kserve /v2/models/ocr/infer": Sees((422, None), (503, None), (401, None), (415, None)),
    "crnn /dialects/crnn/ocr": _FASTAPI,
}


@pytest.fixture(scope="module")
def _crowded_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    folder = tmp_path_factory.mktemp("crowded")
    more = {
        "web_server": {"dialects": ["all"], "max_body_mb": 1.0},
        "jobs": {"max_per_user": 1},
    }
    with LiveServer(folder, 1, 2, more=more) as server:
        yield server


@pytest.fixture
def crowded(_crowded_server: LiveServer) -> Iterator[LiveServer]:
    """A server with one worker, room for two images to wait, and for one unfinished job."""
    yield _crowded_server
    _crowded_server.check_whole()


every_call = pytest.mark.parametrize("call", CALLS, ids=str)


def below(call: ForeignCall) -> str:
    """Where no other API has the path, so that all errors are in the form of the dialect."""
    return f"/dialects/{call.dialect}" if call.path == "/ocr" else ""


def seen(reply: Reply, call: ForeignCall) -> Error:
    return reply.status, error_in(reply, call.dialect).code


def message(reply: Reply, call: ForeignCall) -> str:
    """The message: for people, and without what is nobody's business."""
    found = error_in(reply, call.dialect).message
    assert not any(each in found for each in ("Traceback", "/home", "/tmp", "block_flag")), found
    return found


def test_every_dialect_is_in_the_table() -> None:
    assert set(SEES) == {str(call) for call in CALLS}
    assert {call.dialect for call in CALLS} == set(NAMES)
    in_200 = {str(call) for call in CALLS if call.dialect in ALWAYS_200}
    assert {name for name in SEES if SEES[name].full[0] == 200} == in_200


@every_call
def test_a_broken_image(fluent: LiveServer, call: ForeignCall) -> None:
    counted = fluent.metric("ocr_requests_total", error="invalid_image")
    reply = call(fluent, BROKEN, prefix=below(call))
    assert seen(reply, call) == SEES[str(call)].broken
    assert "truncated" in message(reply, call) and "send the whole file" in message(reply, call)
    if not call.is_job:
        assert fluent.metric("ocr_requests_total", error="invalid_image") == counted + 1


@every_call
def test_a_full_queue(crowded: LiveServer, gate: Path, call: ForeignCall) -> None:
    """The client is told when to try again, in the form and with the status that it knows."""
    job = crowded.upload(card(f"hold {gate}"), block_flag="False").json["job"]
    wait_until(lambda: crowded.running() == 1, "a busy worker")
    waiting = [crowded.send(card(f"hold {gate} {number}")) for number in range(2)]
    wait_until(lambda: crowded.queued() == 2, "a full queue")
    reply = call(crowded, card("no room"), prefix=below(call))
    gate.unlink()
    assert seen(reply, call) == SEES[str(call)].full
    assert int(reply.headers["Retry-After"]) > 0
    assert "try again later" in message(reply, call)
    for connection in waiting:
        connection.close()
    assert crowded.get(f"/jobs/{job['id']}?wait=10").headers["X-Job-State"] == "done"


def test_a_full_queue_for_documents_of_umi_ocr(crowded: LiveServer, gate: Path) -> None:
    job = crowded.upload(card(f"hold {gate}"), block_flag="False").json["job"]
    wait_until(lambda: crowded.running() == 1, "an unfinished job")
    reply = as_form("file", json="{}")(crowded, "/api/doc/upload", PDF, {})
    gate.unlink()
    assert (reply.status, reply.json["code"]) == (200, 902)
    assert "try again later" in reply.json["data"]
    assert int(reply.headers["Retry-After"]) > 0
    assert crowded.get(f"/jobs/{job['id']}?wait=10").headers["X-Job-State"] == "done"


@every_call
def test_a_wrong_key(guarded: LiveServer, call: ForeignCall) -> None:
    """It says where the contract has its key, or whom to ask for another one."""
    key = new_secret_key(new_id())
    reply = call(guarded, card("locked"), call.key(key), prefix=below(call))
    assert seen(reply, call) == SEES[str(call)].key
    advice = "get another one" if call.dialect == "baidu" else "ask the operator"
    assert advice in message(reply, call)
    reply = call(guarded, card("locked"), prefix=below(call))
    assert seen(reply, call) == SEES[str(call)].key
    (row,) = (row for row in DIALECTS if row.name == call.dialect)
    assert f"send a key: {row.key}" in message(reply, call)


@every_call
def test_a_document(fluent: LiveServer, call: ForeignCall) -> None:
    reply = call(fluent, PDF, prefix=below(call))
    expected = SEES[str(call)].document
    if expected is None:
        assert reply.status == 200
        assert call.text(reply.json) == "a page"
    else:
        assert seen(reply, call) == expected
        said = message(reply, call)
        assert "send its pages as images" in said or "are a PDF; accepted are JPEG" in said


@every_call
def test_a_broken_document(fluent: LiveServer, call: ForeignCall) -> None:
    """An error, whether the dialect takes documents or not."""
    assert message(call(fluent, BROKEN_PDF, prefix=below(call)), call)


class Curious(Client):
    """Adds a field that nobody knows to whatever is sent: to the query string and to the body."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.added: list[str] = []

    def request(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        path = f"{path}{'&' if '?' in path else '?'}unheard_of=1"
        given = (headers or {}).get("Content-Type", "")
        if body is not None and given.startswith("application/json"):
            body = json.dumps({**json.loads(body), "unheardOf": [{"a": None}]}).encode()
            self.added.append("JSON")
        elif body is not None and "urlencoded" in given:
            body += b"&unheard_of=1"
            self.added.append("form")
        elif body is not None and given.startswith("multipart/"):
            boundary = b"--" + given.partition("boundary=")[2].encode()
            part = b'\r\nContent-Disposition: form-data; name="unheard_of"\r\n\r\n1\r\n'
            body = boundary + part + body
            self.added.append("form")
        elif body is not None:
            self.added.append("query")
        return super().request(method, path, body, headers)


@every_call
def test_a_field_that_nobody_knows(fluent: LiveServer, call: ForeignCall) -> None:
    """All these servers ignore it, and so does the dialect: the image is read as without it."""
    curious = Curious(fluent.port)
    text = f"read all the same by {call.dialect}"
    reply = call(curious, card(text), prefix=below(call))
    assert (reply.status, call.text(reply.json)) == (200, text), reply.body
    assert len(curious.added) == 1


def test_our_own_requests_on_a_shared_path_are_checked(fluent: LiveServer) -> None:
    reply = fluent.upload(card("ours"), path="/ocr", unheard_of="1")
    assert (reply.status, reply.code) == (400, "bad_field")


@every_call
def test_a_body_that_is_too_large(fluent: LiveServer, call: ForeignCall) -> None:
    limit = fluent.context.max_body_bytes
    reply = call(fluent, bytes(limit + 1))
    if call.path == "/ocr":  # whose request it is, is not known yet
        assert (reply.status, reply.code) == (413, "body_too_large")
    else:
        assert "larger than the limit" in message(reply, call)


def test_baidus_clients_back_off_from_a_full_queue() -> None:
    assert _ERRORS["queue_full"][0] == 18


@pytest.mark.parametrize("call", [call for call in CALLS if call.is_job], ids=str)
def test_a_job_waits_while_the_queue_is_full(
    crowded: LiveServer, gate: Path, call: ForeignCall
) -> None:
    connections = [crowded.send(card(f"hold {gate}"))]
    wait_until(lambda: crowded.running() == 1, "a busy worker")
    gate.unlink()
    text = f"waits for {call.dialect}"
    assert call.text(call(crowded, card(text)).json) == text
    connections[0].close()


@every_call
def test_the_right_key(guarded: LiveServer, key: str, call: ForeignCall) -> None:
    """Baidu's clients have a token in the query, which they get for the key."""
    given = key
    if call.dialect == "baidu":
        query = urlencode({"grant_type": "client_credentials", "client_secret": key})
        token = guarded.request("POST", f"/oauth/2.0/token?{query}")
        assert "brain_all_scope" in token.json["scope"].split()
        given = token.json["access_token"]
        assert key not in given
    text = f"unlocked by {call.dialect}"
    reply = call(guarded, card(text), call.key(given))
    assert (reply.status, call.text(reply.json)) == (200, text)


@pytest.mark.parametrize("wrong", ["", "nonsense"])
def test_baidus_token_needs_the_right_key(guarded: LiveServer, wrong: str) -> None:
    reply = guarded.get(f"/oauth/2.0/token?client_secret={wrong}")
    assert (reply.status, reply.json["error"]) == (401, "invalid_client")


def test_a_revoked_key_ends_its_token(guarded: LiveServer) -> None:
    made = guarded.request("POST", "/admin/keys", b'{"label": "short"}', {**ADMIN, **JSON}).json
    key, key_id = made["secret"], made["key"]["id"]
    token = guarded.get(f"/oauth/2.0/token?client_secret={key}").json["access_token"]
    path = f"/rest/2.0/ocr/v1/general_basic?access_token={token}"
    form = {"Content-Type": "application/x-www-form-urlencoded"}

    def code() -> object:
        reply = guarded.request("POST", path, fields_of(card("short-lived")), form)
        return reply.json.get("error_code")

    assert code() is None
    assert guarded.request("DELETE", f"/admin/keys/{key_id}", None, ADMIN).status in (200, 204)
    wait_until(lambda: code() == 110, "the end of the token")


@every_call
def test_a_placeholder_is_no_key_where_none_is_needed(
    fluent: LiveServer, call: ForeignCall
) -> None:
    """Clients must send something; but a key of this server's form is checked."""
    text = f"unneeded for {call.dialect}"
    if call.dialect != "baidu":  # whose token must be one of this server
        reply = call(fluent, card(text), call.key("sk-placeholder"))
        assert (reply.status, call.text(reply.json)) == (200, text)
    assert_refused(call(fluent, card(text), call.key(new_secret_key(new_id()))), call)


@pytest.mark.parametrize("call", [call for call in CALLS if call.path == "/ocr"], ids=str)
def test_a_wrong_key_on_a_shared_path(guarded: LiveServer, call: ForeignCall) -> None:
    """In our own form, as it precedes the body that says whose request it is."""
    assert_refused(call(guarded, card("locked"), call.key(new_secret_key(new_id()))), call)


def assert_refused(reply: Reply, call: ForeignCall) -> None:
    """Refused because of the key, in the form of the dialect or, on a shared path, in our own."""
    if call.path == "/ocr":
        assert (reply.status, reply.code) == (401, "key_invalid")
    else:
        assert seen(reply, call) == SEES[str(call)].key
