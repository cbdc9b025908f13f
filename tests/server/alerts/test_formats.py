"""Each form of an alert, as a receiver of the service gets it."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from urllib.parse import parse_qsl, urlsplit

import pytest

from server.alerts.formats import FORMS, Alert
from server.alerts.post import check_url, post_alert
from server.outbound.http_exchange import ExchangeError
from server.settings.loading import SettingsError
from server.settings.operation_settings import AlertSettings
from server.settings.secrets import Secret
from server.settings.settings import constraint_of
from tests.support.receivers import Answer, Received, Receiver

ALERT = Alert("workers", "problem", "3 workers died within 5 minutes (exit)", "scan-1", 1.8e9)
TEXT = "[ocr-server] scan-1: 3 workers died within 5 minutes (exit)"
KEY = "SEC0123456789"
OK = {
    "json": b"",
    "slack": b"ok",
    "wecom": b'{"errcode":0,"errmsg":"ok"}',
    "dingtalk": b'{"errcode":0,"errmsg":"ok"}',
    "feishu": b'{"StatusCode":0,"StatusMessage":"success","code":0,"data":{},"msg":"success"}',
}


def posted(
    name: str, answer: Answer | None = None, secret: str | None = None, alert: Alert = ALERT
) -> Received:
    """The alert as the receiver gets it."""
    reply = answer or Answer(200, OK[name])
    with Receiver(lambda _: reply) as receiver:
        url = Secret(receiver.url("/send?key=abc"))
        given = AlertSettings(url, name, secret=Secret(secret) if secret else None)
        asyncio.run(post_alert(given, alert))
    (got,) = receiver.received
    assert got.headers["content-type"] == "application/json; charset=utf-8"
    return got


def test_the_forms_are_those_that_the_settings_accept() -> None:
    assert constraint_of(AlertSettings, "format").schema()["enum"] == list(FORMS)


def test_json() -> None:
    got = posted("json")
    assert got.path == "/send?key=abc"
    assert got.json() == {
        "kind": "workers",
        "state": "problem",
        "message": ALERT.message,
        "server": "scan-1",
        "timestamp": 1.8e9,
    }


@pytest.mark.parametrize("name", ["wecom", "dingtalk"])
def test_wecom_and_dingtalk(name: str) -> None:
    got = posted(name)
    assert got.path == "/send?key=abc"
    assert got.json() == {"msgtype": "text", "text": {"content": TEXT}}


def test_dingtalk_with_a_secret_signs_the_time_in_the_query() -> None:
    got = posted("dingtalk", secret=KEY)
    query = dict(parse_qsl(urlsplit(got.path).query))
    content = f"1800000000000\n{KEY}".encode()
    right = hmac.new(KEY.encode(), content, hashlib.sha256).digest()
    assert query["key"] == "abc"
    assert query["timestamp"] == "1800000000000"
    assert base64.b64decode(query["sign"], validate=True) == right
    assert got.json() == {"msgtype": "text", "text": {"content": TEXT}}


def test_feishu() -> None:
    assert posted("feishu").json() == {"msg_type": "text", "content": {"text": TEXT}}


def test_feishu_with_a_secret_signs_the_time_in_the_body() -> None:
    got = posted("feishu", secret=KEY)
    right = hmac.new(f"1800000000\n{KEY}".encode(), b"", hashlib.sha256).digest()
    assert got.path == "/send?key=abc"
    assert got.json() == {
        "timestamp": "1800000000",
        "sign": base64.b64encode(right).decode(),
        "msg_type": "text",
        "content": {"text": TEXT},
    }


def test_slack_escapes_what_slack_would_read_as_a_link() -> None:
    alert = Alert("workers", "problem", "<a> & b", "scan-1", 1.8e9)
    assert posted("slack", alert=alert).json() == {"text": "[ocr-server] scan-1: &lt;a&gt; &amp; b"}


@pytest.mark.parametrize(
    ("name", "answer", "mention"),
    [
        ("wecom", {"errcode": 93000, "errmsg": "invalid webhook url"}, "errcode 93000"),
        ("dingtalk", {"errcode": 310000, "errmsg": "sign not match"}, "errcode 310000"),
        ("feishu", {"code": 19021, "msg": "sign match fail"}, "code 19021"),
        ("feishu", {"StatusCode": 9499}, "code 9499"),
        ("feishu", ["code"], "no code"),
        ("wecom", {}, "no errcode"),
    ],
)
def test_a_service_that_refuses_with_status_200(name: str, answer: object, mention: str) -> None:
    with pytest.raises(ExchangeError, match=f"refused it: .*{mention}"):
        posted(name, Answer(200, json.dumps(answer).encode()))


def test_an_answer_that_is_not_json() -> None:
    with pytest.raises(ExchangeError, match="not JSON"):
        posted("wecom", Answer(200, b"<html>"))


@pytest.mark.parametrize("status", [302, 400, 404, 500])
def test_a_status_other_than_success(status: int) -> None:
    with pytest.raises(ExchangeError, match=f"the receiver answered {status}"):
        posted("slack", Answer(status, b"no", (("Location", "http://127.0.0.1:1/"),)))


@pytest.mark.parametrize("url", ["ftp://a/", "a", "https://", "http://a:0/", "http://a b/", "h"])
def test_a_url_that_is_none_stops_the_start_and_is_not_shown(url: str) -> None:
    with pytest.raises(SettingsError) as error:
        check_url(AlertSettings(Secret(url)))
    assert str(error.value) == "alerts.webhook = ***: expected a URL of http or https"
