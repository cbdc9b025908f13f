"""What a client of each dialect gets for a bad image, a full queue, a wrong key and a PDF."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from server.database.location import Location, locate
from server.database.schema import upgrade
from server.http.dialects.baidu import _ERRORS
from server.users.key_format import new_id, new_secret_key
from tests.support.cards import card
from tests.support.foreign_calls import CALLS, JSON, ForeignCall, fields_of
from tests.support.http_client import Reply
from tests.support.keys import add_key_now
from tests.support.live_server import ADMIN_KEY, LiveServer
from tests.support.watching import wait_until

BROKEN = card("broken")[:60]
PDF = b"%PDF-1.7\n1 0 obj\n<< >>\nendobj\n"

ALWAYS_200 = ("hubserving", "umi-ocr", "baidu", "ocrspace")
ADMIN = {"Authorization": f"Bearer {ADMIN_KEY}"}


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A server with one worker, and room for two images to wait."""
    web_server = {"dialects": ["all"], "max_body_mb": 1.0}
    folder = tmp_path_factory.mktemp("crowded")
    with LiveServer(folder, 1, 2, more={"web_server": web_server}) as server:
        yield server


@pytest.fixture(autouse=True)
def _whole(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if "crowded" in request.fixturenames:
        request.getfixturevalue("crowded").check_whole()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Location:
    found = locate(None, tmp_path_factory.mktemp("keys"))
    upgrade(found)
    return found


@pytest.fixture(scope="module")
def guarded(place: Location, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A server that requires keys."""
    more = {
        "access": {"required": True, "admin_key": ADMIN_KEY},
        "database": {"url": place.url},
        "web_server": {"dialects": ["all"]},
    }
    with LiveServer(tmp_path_factory.mktemp("guarded"), 1, 10, more=more) as server:
        yield server


@pytest.fixture(scope="module")
def key(place: Location) -> str:
    return add_key_now(place)[1]


def message_of(reply: Reply, dialect: str) -> str:
    """The error in the form of the dialect; fails if the form is another one."""
    found: Any = READERS[dialect](reply.json, reply)
    assert isinstance(found, str) and found, reply.body
    return found


def paddlex(answer: Any, reply: Reply) -> object:
    assert answer["errorCode"] == reply.status and answer["logId"]
    return answer["errorMsg"]


def jobs(answer: Any, reply: Reply) -> object:
    if reply.status == 200:
        assert answer["data"]["state"] == "failed"
        return answer["data"]["errorMsg"]
    assert answer["code"] == reply.status
    return answer["msg"]


def hubserving(answer: Any, reply: Reply) -> object:
    assert reply.status == 200
    if answer["status"] == "000":  # an image that cannot be read has no lines
        return "no lines" if answer["results"] == [[]] else None
    assert answer["results"] == ""
    return answer["msg"]


def fastapi(answer: Any, _: Reply) -> object:
    detail = answer["detail"]
    return detail if isinstance(detail, str) else detail[0]["msg"]


def umi(answer: Any, reply: Reply) -> object:
    assert reply.status == 200 and answer["code"] > 101
    return answer["data"]


def mistral(answer: Any, reply: Reply) -> object:
    return fastapi(answer, reply) if reply.status == 422 else answer["message"]


def azure(answer: Any, reply: Reply) -> object:
    if reply.status == 200:
        assert answer["status"] == "failed"
    assert answer["error"]["code"]
    return answer["error"]["message"]


def baidu(answer: Any, reply: Reply) -> object:
    assert reply.status == 200 and isinstance(answer["error_code"], int)
    return answer["error_msg"]


def ocrspace(answer: Any, reply: Reply) -> object:
    if reply.status in (403, 429):
        return answer
    assert reply.status == 200 and answer["IsErroredOnProcessing"] is True
    assert answer["OCRExitCode"] in (3, 4) and answer["ParsedResults"] == []
    return answer["ErrorMessage"][0]


READERS: dict[str, Callable[[Any, Reply], object]] = {
    "paddlex": paddlex,
    "paddleocr-jobs": jobs,
    "hubserving": hubserving,
    "rapidocr": fastapi,
    "umi-ocr": umi,
    "openai": lambda answer, _: answer["error"]["message"],
    "mistral": mistral,
    "open-webui": fastapi,
    "azure-read": azure,
    "azure-vision": azure,
    "azure-documents": azure,
    "baidu": baidu,
    "ocrspace": ocrspace,
    "kserve": lambda answer, _: answer["error"],
    "crnn": lambda answer, _: None if answer["success"] else answer["error"],
}

every_call = pytest.mark.parametrize("call", CALLS, ids=str)


@every_call
def test_a_broken_image(fluent: LiveServer, call: ForeignCall) -> None:
    counted = fluent.metric("ocr_requests_total", error="invalid_image")
    message = message_of(call(fluent, BROKEN), call.dialect)
    assert "Traceback" not in message and "/" not in message
    assert "truncated" in message or call.dialect == "hubserving"
    if not call.is_job:
        assert fluent.metric("ocr_requests_total", error="invalid_image") == counted + 1


@every_call
def test_a_broken_document(fluent: LiveServer, call: ForeignCall) -> None:
    """An error, whether the dialect takes documents or not."""
    assert message_of(call(fluent, PDF), call.dialect)


@every_call
def test_a_body_that_is_too_large(fluent: LiveServer, call: ForeignCall) -> None:
    limit = fluent.context.max_body_bytes
    reply = call(fluent, bytes(limit + 1))
    if call.path == "/ocr":  # whose request it is, is not known yet
        assert (reply.status, reply.code) == (413, "body_too_large")
    else:
        assert "larger than the limit" in message_of(reply, call.dialect)


@pytest.mark.parametrize("call", [call for call in CALLS if not call.is_job], ids=str)
def test_a_full_queue(crowded: LiveServer, gate: Path, call: ForeignCall) -> None:
    """The client is told when to try again, in the form and with the status that it knows."""
    waiting = [crowded.send(card(f"hold {gate}"))]
    wait_until(lambda: crowded.running() == 1, "a busy worker")
    waiting += [crowded.send(card(f"hold {gate} {number}")) for number in range(2)]
    wait_until(lambda: crowded.queued() == 2, "a full queue")
    reply = call(crowded, card("no room"))
    gate.unlink()
    assert reply.status == (200 if call.dialect in ALWAYS_200 else 503)
    assert int(reply.headers["Retry-After"]) > 0
    assert "waiting" in message_of(reply, call.dialect)
    for connection in waiting:
        connection.close()


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
def test_a_wrong_key(guarded: LiveServer, call: ForeignCall) -> None:
    key = new_secret_key(new_id())
    assert_refused(call(guarded, card("locked"), call.key(key)), call)
    assert_refused(call(guarded, card("locked")), call)


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


def assert_refused(reply: Reply, call: ForeignCall) -> None:
    """Refused because of the key, in the form of the dialect or, on a shared path, in our own."""
    if call.path == "/ocr":
        assert reply.status == 401 and reply.code in ("key_invalid", "key_required")
        return
    assert "key" in message_of(reply, call.dialect)
    if call.dialect == "ocrspace":
        assert reply.status == 403
    elif call.dialect == "baidu":
        assert reply.json["error_code"] == 110
    else:
        assert reply.status == (200 if call.dialect in ALWAYS_200 else 401)
