"""Idempotency-Key: repeated requests, with and without jobs."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from server.database.location import Location
from server.errors import IdempotencyMismatch, StillAccepting
from server.jobs.idempotency import KEEP_SECONDS, LEASE_SECONDS
from server.jobs.record import Claim, Kept
from tests.support.cards import card
from tests.support.http_client import Reply
from tests.support.jobs import NOWHERE, jobs_in
from tests.support.live_server import LiveServer
from tests.support.wards import ANN, Clock, request, ward
from tests.support.watching import wait_until


def upload(server: LiveServer, text: str, key: str, **fields: str) -> Reply:
    return server.upload(card(text), {"Idempotency-Key": key}, **fields)


def run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(test, 30))


def test_the_same_request_gets_the_same_job(narrow: LiveServer) -> None:
    first, second = (upload(narrow, "a job", "job", block_flag="0") for _ in range(2))
    assert [first.status, second.status] == [202, 202]
    assert second.json["job"]["id"] == first.json["job"]["id"]
    assert second.headers["Idempotent-Replayed"] == "true"
    assert second.headers["X-Request-Id"] != first.headers["X-Request-Id"]
    assert narrow.get(f"{first.json['job']['url']}?wait=20").text == "a job"
    assert narrow.begun("a job") == 1


def test_the_same_request_gets_the_same_result(narrow: LiveServer) -> None:
    nocache = {"Cache-Control": "no-cache", "Idempotency-Key": "result"}
    first, second = (narrow.upload(card("a result"), nocache) for _ in range(2))
    assert (first.status, first.text) == (200, "a result")
    assert (second.status, second.body) == (200, first.body)
    assert second.headers["Content-Type"] == first.headers["Content-Type"]
    assert first.headers["Idempotent-Replayed"] is None
    assert narrow.begun("a result") == 1


@pytest.mark.parametrize("fields", [{"format": "text"}, {"drop_score": "0.1"}])
def test_another_request_under_the_key(narrow: LiveServer, fields: dict[str, str]) -> None:
    key = f"mismatch {fields}"
    assert upload(narrow, "the first", key).status == 200
    for reply in (upload(narrow, "the first", key, **fields), upload(narrow, "another", key)):
        assert (reply.status, reply.code) == (422, "idempotency_mismatch")


def test_a_request_whose_first_one_is_not_answered(narrow: LiveServer, gate: Path) -> None:
    text = f"hold {gate} once"
    with ThreadPoolExecutor(1) as client:
        first = client.submit(upload, narrow, text, "busy")
        wait_until(lambda: narrow.begun(text) == 1, "its start")
        second = upload(narrow, text, "busy")
        assert (second.status, second.code) == (409, "still_accepting")
        assert second.headers["Retry-After"] == "1"
        gate.unlink()
        assert first.result(20).text == text
    assert upload(narrow, text, "busy").headers["Idempotent-Replayed"] == "true"


def test_errors_are_not_kept(narrow: LiveServer) -> None:
    for _ in range(2):
        reply = narrow.upload(b"no image", {"Idempotency-Key": "error"})
        assert (reply.status, reply.code) == (415, "unsupported_format")
        assert reply.headers["Idempotent-Replayed"] is None
    assert upload(narrow, "now an image", "error").status == 200


@pytest.mark.parametrize("key", ["", "x" * 256, "umlaut \xe4"])
def test_a_key_that_is_not_accepted(narrow: LiveServer, key: str) -> None:
    reply = upload(narrow, "refused", key)
    assert (reply.status, reply.code) == (400, "bad_request")
    assert "Idempotency-Key" in reply.json["error"]["message"]


def test_it_needs_a_database(narrow: LiveServer) -> None:
    with jobs_in(narrow, NOWHERE):
        reply = upload(narrow, "in memory", "memory")
    assert (reply.status, reply.code) == (503, "storage_unavailable")
    assert "Idempotency-Key needs a database" in reply.json["error"]["message"]


def test_many_at_the_same_time_are_one_job(location: Location) -> None:
    async def accept(one: Any) -> str:
        keys = one.jobs.idempotency()
        claim = await keys.claim("ann", "key", "fingerprint")
        if isinstance(claim, Kept):
            return str(claim.job_id)
        async with keys.answering(claim):
            return str((await one.jobs.accept(request("a page"), ANN, claim)).job_id)

    async def test() -> None:
        clock = Clock()
        async with (
            ward(location, clock, running=False) as first,
            ward(location, clock, running=False) as second,
        ):
            answers = await asyncio.gather(
                *(accept(one) for one in (first, second) * 5), return_exceptions=True
            )
            jobs = {answer for answer in answers if isinstance(answer, str)}
            assert len(jobs) == 1
            assert {type(answer) for answer in answers} <= {str, StillAccepting}
            assert {await accept(first), await accept(second)} == jobs
            assert await first.rows.count() == 1

    run(test())


def test_users_have_their_own_keys(location: Location) -> None:
    async def test() -> None:
        async with ward(location, Clock(), running=False) as one:
            keys = one.jobs.idempotency()
            assert isinstance(await keys.claim("ann", "key", "hers"), Claim)
            assert isinstance(await keys.claim("bob", "key", "his"), Claim)

    run(test())


@pytest.mark.faults(84)
def test_a_killed_process_does_not_block_its_keys(location: Location) -> None:
    async def test() -> None:
        clock = Clock()
        async with ward(location, clock, running=False) as one:
            keys = one.jobs.idempotency()
            dead = await keys.claim("ann", "key", "fingerprint")
            assert isinstance(dead, Claim)
            with pytest.raises(StillAccepting):
                await keys.claim("ann", "key", "fingerprint")
            clock.now += LEASE_SECONDS + 1
            assert isinstance(await keys.claim("ann", "key", "fingerprint"), Claim)
            with pytest.raises(StillAccepting):  # if it was only slow, its job is not added
                await one.jobs.accept(request("a page"), ANN, dead)
            assert await one.rows.count() == 0
            assert await one.blobs.older_than(0) == []

    run(test())


def test_a_key_is_kept_for_a_day(location: Location) -> None:
    async def test() -> None:
        clock = Clock()
        async with ward(location, clock, running=False) as one:
            keys = one.jobs.idempotency()
            claim = await keys.claim("ann", "key", "fingerprint")
            assert isinstance(claim, Claim)
            await keys.keep_reply(claim, b"the reply")
            clock.now += KEEP_SECONDS - 1
            assert await keys.claim("ann", "key", "fingerprint") == Kept(None, b"the reply")
            with pytest.raises(IdempotencyMismatch):
                await keys.claim("ann", "key", "another")
            clock.now += 1
            await keys.delete_old()
            assert isinstance(await keys.claim("ann", "key", "another"), Claim)

    run(test())
