"""Sends messages from a thread of its own, because clients of the broker block."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from ocr_cluster.message import Message
from ocr_cluster.wire import Wire, WireError

log = logging.getLogger("server.cluster")

RETRY_SECONDS = 0.3
LOOK_SECONDS = 1.0  # whether the broker is there
JOIN_SECONDS = 5.0
MOST_LETTERS = 10_000


@dataclass(frozen=True, slots=True)
class _Letter:
    message: Message
    sent: asyncio.Future[None]
    give_up_at: float  # monotonic seconds


class Publisher:
    """One thread with one connection.

    give_up_seconds: how long a message may wait for the broker.
    """

    def __init__(self, wire: Wire, give_up_seconds: float) -> None:
        self._wire = wire
        self._give_up_seconds = give_up_seconds
        self._letters: queue.Queue[_Letter | None] = queue.Queue(MOST_LETTERS)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="publisher", daemon=True)
        self._away_since: float | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        """Start the thread; results arrive on the running event loop."""
        self._loop = asyncio.get_running_loop()
        self._thread.start()

    def send(self, message: Message) -> asyncio.Future[None]:
        """Done when the broker has the message; WireError if it was away for too long."""
        assert self._loop is not None, "start() comes first"
        sent: asyncio.Future[None] = self._loop.create_future()
        letter = _Letter(message, sent, time.monotonic() + self._give_up_seconds)
        try:
            self._letters.put_nowait(letter)
        except queue.Full:
            sent.set_exception(WireError("too many messages wait for the broker"))
        return sent

    @property
    def is_away(self) -> bool:
        """Whether the broker did not answer when it was last used."""
        return self._away_since is not None

    @property
    def has_given_up(self) -> bool:
        """Whether the broker has been away for longer than messages wait for it."""
        since = self._away_since
        return since is not None and time.monotonic() - since > self._give_up_seconds

    async def close(self) -> None:
        """Stop the thread; messages that were not sent are dropped."""
        self._stopped.set()
        with contextlib.suppress(queue.Full):
            self._letters.put_nowait(None)
        if self._thread.is_alive():
            await asyncio.to_thread(self._thread.join, JOIN_SECONDS)

    def _run(self) -> None:
        looked_at = float("-inf")
        while not self._stopped.is_set():
            letter: _Letter | None = None
            with contextlib.suppress(queue.Empty):
                letter = self._letters.get(timeout=LOOK_SECONDS)
            if letter is not None and self._deliver(letter):
                looked_at = time.monotonic()
            if time.monotonic() - looked_at > LOOK_SECONDS:
                looked_at = time.monotonic()
                self._look()
        self._wire.close()

    def _deliver(self, letter: _Letter) -> bool:
        """Send a letter; try again until it is to be given up. False if the broker is away."""
        problem: WireError | None = None
        while not self._stopped.is_set():
            try:
                self._wire.send(letter.message)
            except WireError as error:
                problem = error
                self._note_away(error)
            else:
                self._note_back()
                self._tell(_succeed, letter.sent)
                return True
            if time.monotonic() >= letter.give_up_at:
                break
            self._stopped.wait(RETRY_SECONDS)
        self._tell(_fail, letter.sent, problem or WireError("the server is stopping"))
        return False

    def _look(self) -> None:
        """Find out whether the broker is there."""
        try:
            self._wire.check()
        except WireError as error:
            self._note_away(error)
        else:
            self._note_back()

    def _note_away(self, error: WireError) -> None:
        if self._away_since is None:
            log.warning("the broker is away: %s", error)
            self._away_since = time.monotonic()

    def _note_back(self) -> None:
        if self._away_since is not None:
            log.info("the broker is back")
            self._away_since = None

    def _tell(self, callback: Callable[..., None], *arguments: object) -> None:
        assert self._loop is not None
        with contextlib.suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(callback, *arguments)


def _succeed(sent: asyncio.Future[None]) -> None:
    if not sent.done():
        sent.set_result(None)


def _fail(sent: asyncio.Future[None], error: WireError) -> None:
    if not sent.done():
        sent.set_exception(error)
