"""Messages are sent from their rows, again until they arrive, by one of several processes."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Sequence

import pytest
from sqlalchemy.exc import OperationalError
from standardwebhooks import Webhook

from server.database.database import Database
from server.database.location import Location
from server.errors import StorageUnavailable
from server.outbound.names import Resolve
from server.settings.url_settings import WebhookSettings
from server.webhooks.deliveries import due, enqueue, resend, take
from server.webhooks.kept_secrets import ROTATION_SECONDS, rotate, signing_secrets
from server.webhooks.sender import (
    KEEP_SECONDS,
    LEASE_SECONDS,
    PER_HOST,
    RETRY_SECONDS,
    UNRESOLVED_SECONDS,
)
from tests.support.receivers import Answer, Receiver
from tests.support.watching import until
from tests.support.webhooks import LOOPBACK, SECRET, Clock, add, rows, sending

FAILING = Answer(500)


async def loopback(host: str, port: int) -> Sequence[str]:
    """A name server that has this machine for every name."""
    return ["127.0.0.1"]


async def begin_and_fail(database: Database, url: str) -> None:
    """A transaction with a message, which is rolled back."""
    async with database.write() as connection:
        await enqueue(database, connection, user="a", url=url, body="{}")
        raise RuntimeError


def test_a_message_arrives_signed_and_once(location: Location) -> None:
    async def run() -> None:
        clock = Clock()
        async with sending(location, clock) as (sender, database):
            await add(database, clock, receiver.url())
            await sender.send_due()
            clock.pass_(10 * 86400)
            await sender.send_due()
            (row,) = await rows(database)
            assert (row.state, row.attempts, row.last_status) == ("delivered", 1, 200)
            assert (row.next_at, row.last_error) == (None, None)

    with Receiver() as receiver:
        asyncio.run(run())
    (got,) = receiver.received
    assert Webhook(SECRET).verify(got.body, dict(got.headers)) == {"number": 0}
    assert got.id.startswith("msg_")


def test_a_transaction_that_fails_sends_nothing(location: Location) -> None:
    async def run() -> None:
        clock = Clock()
        async with sending(location, clock) as (sender, database):
            with pytest.raises(RuntimeError):
                await begin_and_fail(database, receiver.url())
            await sender.send_due()

    with Receiver() as receiver:
        asyncio.run(run())
    assert receiver.received == []


@pytest.mark.faults(89)
def test_a_receiver_that_fails_is_asked_eight_times_over_a_day_and_a_half(
    location: Location, caplog: pytest.LogCaptureFixture
) -> None:
    async def run() -> None:
        clock = Clock()
        async with sending(location, clock) as (sender, database):
            await add(database, clock, receiver.url())
            await sender.send_due()
            for number, seconds in enumerate(RETRY_SECONDS, 1):
                (row,) = await rows(database)
                assert (row.state, row.attempts) == ("pending", number)
                assert row.last_error == "the receiver answered 500"
                assert row.next_at == pytest.approx(clock.now + seconds)
                clock.pass_(seconds - 0.5)
                await sender.send_due()
                assert len(receiver.received) == number
                clock.pass_(0.6)
                await sender.send_due()
            clock.pass_(30 * 86400)
            await sender.send_due()
            (row,) = await rows(database)
            assert (row.state, row.attempts, row.last_status) == ("dead", 8, 500)

    with Receiver(lambda _: FAILING) as receiver:
        asyncio.run(run())
    assert RETRY_SECONDS == (5, 60, 300, 1800, 7200, 28800, 86400)
    assert len(receiver.received) == 8
    assert len({each.id for each in receiver.received}) == 1
    assert len({each.headers["webhook-timestamp"] for each in receiver.received}) == 8
    assert all(each.is_signed_with(SECRET) for each in receiver.received)
    assert "is given up: the receiver answered 500" in caplog.text


def test_jitter_delays_the_next_attempt(location: Location) -> None:
    async def run() -> None:
        clock = Clock()
        async with sending(location, clock) as (sender, database):
            sender._jitter = lambda: 1.0
            await add(database, clock, receiver.url())
            await sender.send_due()
            (row,) = await rows(database)
            assert row.next_at == pytest.approx(clock.now + 6)

    with Receiver(lambda _: FAILING) as receiver:
        asyncio.run(run())


def test_410_ends_a_message_and_resend_begins_again(location: Location) -> None:
    async def run() -> None:
        clock = Clock()
        async with sending(location, clock) as (sender, database):
            await add(database, clock, receiver.url(), receiver.url("/well"))
            await sender.send_due()
            gone, well = await rows(database)
            assert (gone.state, gone.last_status, well.state) == ("dead", 410, "delivered")
            assert await resend(database, ["msg_unknown"], clock()) == []
            assert await resend(database, None, clock()) == [gone.id]
            receiver.answer = lambda _: Answer()
            await sender.send_due()
            again, _ = await rows(database)
            assert (again.state, again.attempts) == ("delivered", 1)
            assert await resend(database, [well.id], clock()) == [well.id]
            await sender.send_due()

    with Receiver(lambda got: Answer(200 if got.path == "/well" else 410)) as receiver:
        asyncio.run(run())
    paths = [each.path for each in receiver.received]
    assert (paths.count("/hook"), paths.count("/well")) == (2, 2)


@pytest.mark.faults(90)
def test_two_senders_send_each_message_once(location: Location) -> None:
    async def run() -> None:
        clock = Clock()
        async with sending(location, clock, resolve=loopback) as (first, database):
            async with sending(location, clock, resolve=loopback) as (second, _):
                urls = [receiver.url(host=f"{n}.example") for n in range(30)]
                await add(database, clock, *urls[:15], user="a")
                await add(database, clock, *urls[15:], user="b")
                await asyncio.gather(first.send_due(), second.send_due())
            assert {row.state for row in await rows(database)} == {"delivered"}

    with Receiver() as receiver:
        asyncio.run(run())
    assert len(receiver.received) == 30
    assert len({each.id for each in receiver.received}) == 30


def test_a_message_that_one_process_has_taken_is_not_taken_again(location: Location) -> None:
    async def run() -> None:
        clock = Clock()
        async with sending(location, clock) as (_, database):
            await add(database, clock, "http://127.0.0.1:1/")
            seen = await due(database, clock(), 10)
            again = await due(database, clock(), 10)
            until_then = clock() + LEASE_SECONDS
            assert len(await take(database, seen, clock(), until_then)) == 1
            assert await take(database, again, clock(), until_then) == []
            assert await due(database, clock(), 10) == []

    asyncio.run(run())


@pytest.mark.faults(90)
def test_a_message_whose_sender_died_is_sent_by_another_one(location: Location) -> None:
    async def run() -> None:
        clock = Clock()
        async with sending(location, clock) as (sender, database):
            await add(database, clock, receiver.url())
            # A process takes it, and is gone.
            await take(database, await due(database, clock(), 10), clock(), clock() + LEASE_SECONDS)
            await sender.send_due()
            assert receiver.received == []
            clock.pass_(LEASE_SECONDS)
            await sender.send_due()
            (row,) = await rows(database)
            assert (row.state, row.attempts) == ("delivered", 1)

    with Receiver() as receiver:
        asyncio.run(run())
    assert len(receiver.received) == 1


def test_an_attempt_that_the_stop_cuts_is_due_immediately(location: Location) -> None:
    async def run() -> None:
        clock = Clock()
        async with sending(location, clock) as (sender, database):
            await add(database, clock, receiver.url())
            running = asyncio.ensure_future(sender.run())
            await until(lambda: receiver.received, "the message")
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            (row,) = await rows(database)
            assert (row.state, row.attempts, row.next_at) == ("pending", 0, clock.now)
            receiver.go.set()
            await sender.send_due()
            (row,) = await rows(database)
            assert row.state == "delivered"

    with Receiver(hold=True) as receiver:
        asyncio.run(run())
    assert len(receiver.received) == 2


@pytest.mark.faults(89)
def test_a_slow_receiver_holds_few_connections_and_does_not_delay_others(
    location: Location,
) -> None:
    async def run() -> None:
        clock = Clock()
        async with sending(location, clock) as (sender, database):
            await add(database, clock, *[slow.url()] * 100, user="slow")
            clock.pass_(1)
            await add(database, clock, *[other.url()] * 10, user="other")
            running = asyncio.ensure_future(sender.run())
            await until(lambda: len(other.received) == 10, "the messages to the other")
            assert len(slow.received) == PER_HOST
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    with Receiver(hold=True) as slow, Receiver(address="::1") as other:
        asyncio.run(run())


def test_the_sender_waits_for_the_database_and_goes_on(
    location: Location, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def run() -> None:
        clock = Clock()
        async with sending(location, clock) as (sender, database):
            await add(database, clock, receiver.url())
            failures = iter((True, True, False))
            find = due

            async def sometimes(*arguments: object) -> object:
                if next(failures, False):
                    raise StorageUnavailable("no answer") from OSError("refused\nat 127.0.0.1")
                warned.append(len(caplog.messages))
                return await find(*arguments)  # type: ignore[arg-type]

            monkeypatch.setattr("server.webhooks.deliveries.due", sometimes)
            monkeypatch.setattr("server.webhooks.sender.POLL_SECONDS", 0.01)
            running = asyncio.ensure_future(sender.run())
            await until(lambda: receiver.received, "the message")
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    warned: list[int] = []  # warnings before each answer of the database
    with caplog.at_level(logging.WARNING, "server.webhooks"), Receiver() as receiver:
        asyncio.run(run())
    assert warned[0] == 1
    assert caplog.messages[0] == "webhooks wait: no answer (refused)"


def test_a_stop_ends_it_at_any_moment_of_an_attempts_end(location: Location) -> None:
    """asyncio.wait_for() of Python 3.11 loses a cancellation that comes with the result."""

    async def run() -> None:
        async with sending(location, Clock()) as (sender, _):
            for turns in range(5):
                running = asyncio.ensure_future(sender.run())
                await asyncio.sleep(0.1)
                sender._ended.set()
                for _ in range(turns):
                    await asyncio.sleep(0)
                running.cancel()
                done, _ = await asyncio.wait([running], timeout=5)
                assert done, f"still running, {turns} turns of the loop later"

    asyncio.run(run())


@pytest.mark.faults(91)
def test_a_name_that_became_private_gets_no_connection(location: Location) -> None:
    """The name server answers with a public address when the job is sent, and a private later."""
    found = iter((["93.184.216.34"], ["127.0.0.1"]))

    async def resolve(host: str, port: int) -> Sequence[str]:
        return next(found)

    async def run() -> None:
        clock = Clock()
        settings = WebhookSettings(allow_http=True, secrets=LOOPBACK.secrets)
        async with sending(location, clock, settings, resolve) as (sender, database):
            url = receiver.url(host="rebinding.example")
            await sender._guard.admit(url, "")
            await add(database, clock, url)
            await sender.send_due()
            (row,) = await rows(database)
            assert (row.state, row.last_error) == ("pending", "its host has no public address")

    with Receiver() as receiver:
        asyncio.run(run())
    assert receiver.connections == 0


async def away(host: str, port: int) -> Sequence[str]:
    """A name server that does not answer."""
    raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")


async def overloaded(host: str, port: int) -> Sequence[str]:
    """A resolver that is too slow."""
    await asyncio.Event().wait()
    raise AssertionError


@pytest.mark.faults(89)
@pytest.mark.parametrize("resolve", [away, overloaded])
def test_attempts_without_an_answer_from_the_name_server_do_not_count_for_a_day(
    location: Location, monkeypatch: pytest.MonkeyPatch, resolve: Resolve
) -> None:
    monkeypatch.setattr("server.webhooks.sender.ATTEMPT_SECONDS", 0.05)

    async def run() -> None:
        clock = Clock()
        async with sending(location, clock, resolve=resolve) as (sender, database):
            await add(database, clock, "http://example.com/")
            delays: list[float] = []
            while True:
                await sender.send_due()
                (row,) = await rows(database)
                assert (row.state, row.last_error) == ("pending", "its name could not be looked up")
                if row.attempts:
                    break
                delays.append(row.next_at - clock.now)
                clock.pass_(row.next_at - clock.now)
            assert delays[:4] == pytest.approx([60, 60, 120, 240])
            assert max(delays) == pytest.approx(7200)
            assert sum(delays) == pytest.approx(UNRESOLVED_SECONDS, abs=7200)
            for seconds in RETRY_SECONDS:
                clock.pass_(seconds)
                await sender.send_due()
            (row,) = await rows(database)
            assert (row.state, row.attempts) == ("dead", 8)

    asyncio.run(run())


def test_a_fault_of_ours_counts_as_an_attempt(
    location: Location, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(host: str, port: int) -> Sequence[str]:
        raise RuntimeError("a fault")

    async def run() -> None:
        clock = Clock()
        async with sending(location, clock, resolve=broken) as (sender, database):
            await add(database, clock, "http://example.com/")
            await sender.send_due()
            (row,) = await rows(database)
            assert (row.state, row.attempts, row.last_error) == ("pending", 1, "internal error")

    asyncio.run(run())
    assert "RuntimeError: a fault" in caplog.text


def test_finished_messages_are_forgotten_after_a_week(location: Location) -> None:
    async def run() -> None:
        clock = Clock()
        async with sending(location, clock) as (sender, database):
            await add(database, clock, receiver.url())
            await sender.send_due()
            clock.pass_(KEEP_SECONDS - 1)
            await sender._forget(database)
            assert len(await rows(database)) == 1
            clock.pass_(3600)
            await sender._forget(database)
            assert await rows(database) == []

    with Receiver() as receiver:
        asyncio.run(run())


def test_without_a_secret_in_the_settings_the_database_keeps_one(location: Location) -> None:
    settings = WebhookSettings(allow_http=True, allow_private=LOOPBACK.allow_private)

    async def run() -> tuple[str, str]:
        clock = Clock()
        async with sending(location, clock, settings) as (sender, database):
            async with sending(location, clock, settings) as (_, other):
                found = await asyncio.gather(
                    *(signing_secrets(each, settings, clock()) for each in (database, other) * 5)
                )
            assert len({tuple(each) for each in found}) == 1
            (first,) = found[0]
            clock.pass_(1)
            second = await rotate(database, clock())
            assert await signing_secrets(database, settings, clock()) == [second, first]
            await add(database, clock, receiver.url())
            await sender.send_due()
            clock.pass_(ROTATION_SECONDS)
            assert await signing_secrets(database, settings, clock()) == [second]
            return first, second

    with Receiver() as receiver:
        first, second = asyncio.run(run())
    assert receiver.received[0].is_signed_with(first)
    assert receiver.received[0].is_signed_with(second)


def test_a_lost_database_after_an_attempt_leaves_the_message_for_later(
    location: Location, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object) -> None:
        raise StorageUnavailable("away") from OperationalError("", None, Exception())

    async def run() -> None:
        clock = Clock()
        async with sending(location, clock) as (sender, database):
            await add(database, clock, receiver.url())
            with monkeypatch.context() as patch:
                patch.setattr("server.webhooks.deliveries.finish", away)
                await sender.send_due()
            clock.pass_(LEASE_SECONDS)
            await sender.send_due()
            (row,) = await rows(database)
            assert row.state == "delivered"

    with Receiver() as receiver:
        asyncio.run(run())
    assert len(receiver.received) == 2
    assert "will be sent again: the database is unavailable" in caplog.text
