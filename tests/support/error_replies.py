"""Checks of error replies."""

from __future__ import annotations

from tests.support.http_client import Reply


def assert_error(reply: Reply, status: int, code: str, *mentions: str) -> None:
    """The error is as expected, and its message leaks nothing internal."""
    assert reply.status == status, reply.body
    assert list(reply.json) == ["status", "error"]
    assert list(reply.json["error"]) == ["code", "message", "request_id"]
    assert reply.json["status"] == "error"
    assert reply.code == code
    assert reply.json["error"]["request_id"] == reply.headers["X-Request-Id"]
    assert reply.headers["Content-Type"] == "application/json; charset=utf-8"
    message = reply.json["error"]["message"]
    for mention in mentions:
        assert mention in message
    for leak in ("Traceback", "/work", "/tmp", ".py", "site-packages"):
        assert leak not in message
