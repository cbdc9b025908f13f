"""Rows 89 to 92: receivers of webhooks and alerts that fail, and a server killed while it sends."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from typing import Any

import pytest
from sqlalchemy import Row
from standardwebhooks import Webhook

from server.database.location import Location, locate
from tests.support.cards import card
from tests.support.databases import opened
from tests.support.faulty_server import Serve, prepare
from tests.support.program import free_port
from tests.support.receivers import Answer, Receiver
from tests.support.server_process import ServerProcess
from tests.support.watching import wait_until
from tests.support.webhooks import SECRET, Clock, add, rows

# With keys required, the database is open from the start.
SENDING = {
    "OCR_ACCESS__REQUIRED": "true",
    "OCR_WEBHOOKS__ALLOW_HTTP": "true",
    "OCR_WEBHOOKS__ALLOW_PRIVATE": "127.0.0.1",
    "OCR_WEBHOOKS__SECRETS": SECRET,
}

StartSender = Callable[..., ServerProcess]


@pytest.fixture
def sender(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartSender]:
    """A function that starts a server with a database; arguments: its environment."""
    with ExitStack() as stack:

        def start(**environment: str) -> ServerProcess:
            folder = tmp_path_factory.mktemp("sender")
            surroundings = {**SENDING, **environment}
            return stack.enter_context(prepare(folder, fakes=True, environment=surroundings))

        yield start


def location(server: ServerProcess) -> Location:
    return locate(None, server.folder / "state" / "ocr-server")


def enqueued(server: ServerProcess, *urls: str) -> None:
    """Put messages into the server's database, as a job's end does."""

    async def run() -> None:
        async for database in opened(location(server)):
            await add(database, Clock(), *urls)

    asyncio.run(run())


def messages(server: ServerProcess) -> Sequence[Row[Any]]:
    """The messages in the server's database."""

    async def run() -> Sequence[Row[Any]]:
        async for database in opened(location(server)):
            return await rows(database)
        raise AssertionError

    return asyncio.run(run())


@pytest.mark.slow
@pytest.mark.faults(89)
def test_receivers_that_fail_are_asked_again_and_delay_nobody(sender: StartSender) -> None:
    server = sender()
    moved = Answer(307, headers=(("Location", "http://127.0.0.1:1/"),))
    with (
        Receiver(lambda _: Answer(500)) as failing,
        Receiver(hold=True) as slow,
        Receiver(lambda _: moved) as moving,
        Receiver(lambda _: Answer(200, bytes(1 << 20))) as verbose,
    ):
        away = f"http://127.0.0.1:{free_port()}/"
        enqueued(server, failing.url(), slow.url(), moving.url(), away)
        enqueued(server, verbose.url())
        wait_until(lambda: verbose.received, "the message to the receiver that is well")
        assert slow.received and not slow.go.is_set()
        wait_until(lambda: len(failing.received) == 2, "the second attempt")
        wait_until(lambda: all(row.attempts for row in messages(server)), "all first attempts")
        found = {row.url: row for row in messages(server)}
    assert found.pop(verbose.url()).state == "delivered"
    assert {row.state for row in found.values()} == {"pending"}
    assert found[failing.url()].last_error == "the receiver answered 500"
    assert found[moving.url()].last_error == "the receiver answered 307"
    assert found[slow.url()].last_error == "no answer within 5 s"
    assert found[away].last_error == "no connection: Connection refused"
    assert len({each.id for each in failing.received}) == 1


@pytest.mark.slow
@pytest.mark.faults(90)
def test_a_message_that_a_kill_cut_is_sent_again_after_the_restart(sender: StartSender) -> None:
    server = sender()
    with Receiver(hold=True) as receiver:
        enqueued(server, receiver.url())
        wait_until(lambda: receiver.received, "the message")
        server.kill()
        (row,) = messages(server)
        assert (row.state, row.attempts) == ("pending", 0)
        receiver.go.set()
        server.start()
        wait_until(lambda: len(receiver.received) == 2, "the message again")
        wait_until(lambda: messages(server)[0].state == "delivered", "the note of it")
    first, second = receiver.received
    assert first.id == second.id == row.id
    for each in (first, second):
        assert Webhook(SECRET).verify(each.body, dict(each.headers)) == {"number": 0}


@pytest.mark.faults(91)
def test_a_message_to_a_private_network_opens_no_connection(sender: StartSender) -> None:
    server = sender(OCR_WEBHOOKS__ALLOW_PRIVATE="127.0.0.2")
    with Receiver() as receiver, Receiver(address="::1") as receiver6:
        mapped = f"http://[::ffff:127.0.0.1]:{receiver.port}/"
        urls = (receiver.url(), receiver.url(host="localhost"), receiver6.url(), mapped)
        enqueued(server, *urls)
        wait_until(lambda: all(row.attempts for row in messages(server)), "all attempts")
        assert {row.last_error for row in messages(server)} == {"its host has no public address"}
    assert (receiver.connections, receiver6.connections) == (0, 0)


@pytest.mark.faults(92)
def test_workers_that_die_are_one_alert(serve: Serve) -> None:
    with Receiver() as receiver:
        server = serve(environment={"OCR_ALERTS__WEBHOOK": receiver.url("/?key=hidden")})
        for number in range(3):
            pid = server.worker_pids()[0]
            os.kill(pid, signal.SIGKILL)
            wait_until(lambda: pid not in server.worker_pids(), "another worker")  # noqa: B023
            assert server.upload(card(f"after kill {number}")).status == 200
        wait_until(lambda: receiver.received, "the alert")
    (alert,) = [each.json() for each in receiver.received]
    assert (alert["kind"], alert["state"]) == ("workers", "problem")
    assert alert["message"] == "3 workers died within 5 minutes (sigkill)"
    assert "hidden" not in server.output


@pytest.mark.faults(92)
def test_a_receiver_of_alerts_that_is_away_is_one_line_in_the_log(serve: Serve) -> None:
    environment = {
        "OCR_ALERTS__WEBHOOK": f"http://127.0.0.1:{free_port()}/?key=hidden",
        "OCR_ALERTS__AFTER": "1",
        "OCR_ALERTS__MIN_MEMORY_MB": "1000000",
    }
    server = serve(environment=environment)
    line = "could not be posted: no connection: Connection refused"
    os.kill(server.worker_pids()[0], signal.SIGKILL)
    wait_until(lambda: line in server.output, "the line")
    assert server.upload(card("meanwhile")).status == 200
    assert server.output.count(line) == 1
    assert "hidden" not in server.output
