"""Limits, quotas and usage of keys are the same through every dialect; errors in its form."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import pytest

from server.database.location import Location
from tests.support.cards import card
from tests.support.foreign_calls import CALLS, ForeignCall, base64_of
from tests.support.foreign_errors import ALWAYS_200, error_in
from tests.support.http_client import Reply
from tests.support.keys import add_key_now
from tests.support.live_server import LiveServer
from tests.support.watching import wait_until

every_call = pytest.mark.parametrize("call", CALLS, ids=str)


def headers_of(server: LiveServer, call: ForeignCall, key: str) -> dict[str, str]:
    """The headers for a key; for Baidu's API, a token for it."""
    if call.dialect == "baidu":
        query = urlencode({"client_secret": key})
        key = server.get(f"/oauth/2.0/token?{query}").json["access_token"]
    return dict(call.key(key))


def used(server: LiveServer, key: str) -> Any:
    reply = server.get("/usage", {"Authorization": f"Bearer {key}"})
    assert reply.status == 200
    return reply.json["usage"]["total"]


def refusal(reply: Reply, call: ForeignCall) -> str:
    """The message of a refusal; on a shared path it has our own form, as it precedes the body."""
    if call.path == "/ocr":
        return str(reply.json["error"]["message"])
    return error_in(reply, call.dialect).message


@every_call
def test_the_daily_quota(guarded: LiveServer, place: Location, call: ForeignCall) -> None:
    _, key = add_key_now(place, daily_quota=1)
    headers = headers_of(guarded, call, key)
    text = f"within the quota of {call.dialect}"
    assert call.text(call(guarded, card(text), headers).json) == text
    reply = call(guarded, card("beyond"), headers)
    assert "quota" in refusal(reply, call)
    in_200 = call.dialect in ALWAYS_200 and call.dialect != "ocrspace"
    assert reply.status == (200 if in_200 else 429)
    assert int(reply.headers["Retry-After"]) > 0


@every_call
def test_requests_per_minute(guarded: LiveServer, place: Location, call: ForeignCall) -> None:
    """All calls count; of a job, the second one is the question about its state."""
    _, key = add_key_now(place, rate_per_minute=2 if call.dialect == "baidu" else 1)
    headers = headers_of(guarded, call, key)
    replies = [call(guarded, card("again"), headers) for _ in range(2)]
    assert "minute" in refusal(replies[-1], call)
    assert call.is_job or call.text(replies[0].json) == "again"


def test_usage_counts_every_image_once(guarded: LiveServer, place: Location) -> None:
    """Not the calls about it; and each image of a request with several."""
    _, key = add_key_now(place)
    for call in CALLS:
        headers = headers_of(guarded, call, key)
        assert call(guarded, card(f"counted for {call}"), headers).status == 200
    several = [card("one of two"), card("two of two"), card("broken")[:50]]
    bearer = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    body = json.dumps({"images": [base64_of(image) for image in several]}).encode()
    results = guarded.request("POST", "/predict/ocr_system", body, bearer).json["results"]
    assert [len(lines) for lines in results] == [1, 1, 0]
    _, last = add_key_now(place)
    guarded.upload(card("the last one"), {"Authorization": f"Bearer {last}"})
    wait_until(lambda: used(guarded, last)["images"], "the last event, which follows all others")
    counts = used(guarded, key)
    assert (counts["images"], counts["cached"]) == (len(CALLS) + 2, 0)
    assert counts["errors"] == 1


def test_the_quota_of_a_request_with_several_images(guarded: LiveServer, place: Location) -> None:
    """Images that cannot be read are given back."""
    _, key = add_key_now(place, daily_quota=3)
    bearer = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}

    def post(*images: bytes) -> Any:
        body = json.dumps({"images": [base64_of(image) for image in images]}).encode()
        return guarded.request("POST", "/predict/ocr_system", body, bearer).json

    assert post(card("first"), card("second"))["status"] == "000"
    refused = post(card("third"), card("fourth"))
    assert (refused["status"], refused["results"]) == ("101", "")
    assert "quota" in refused["msg"]
    assert post(card("third"))["status"] == "000"


def test_a_job_needs_the_scope_of_jobs(guarded: LiveServer, place: Location) -> None:
    _, key = add_key_now(place, scopes=["read"])
    for call in CALLS:
        if call.is_job:
            reply = call(guarded, card("no job"), call.key(key))
            assert reply.status == 403
            assert "`jobs`" in error_in(reply, call.dialect).message
