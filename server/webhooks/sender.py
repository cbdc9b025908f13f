"""Sends webhook messages from their rows until the receivers have them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import ssl
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from server.database.storage import Storage
from server.errors import StorageUnavailable
from server.outbound.guard import Guard, NotResolved, UrlRefused
from server.outbound.http_exchange import ExchangeError
from server.outbound.http_post import post
from server.settings.url_settings import WebhookSettings
from server.webhooks.signing import signed_headers

if TYPE_CHECKING:
    from server.database.database import Database
    from server.webhooks.deliveries import Delivery, Outcome

log = logging.getLogger("server.webhooks")

RETRY_SECONDS = (5.0, 60.0, 300.0, 1800.0, 7200.0, 28800.0, 86400.0)
UNRESOLVED_SECONDS = 86400.0  # up to this age of a message, a failed look-up does not count
UNRESOLVED_RETRY_SECONDS = (60.0, 7200.0)  # the shortest and the longest delay after one
JITTER = 0.2  # so that a receiver that comes back does not get all messages in one moment
ATTEMPT_SECONDS = 5.0
LEASE_SECONDS = 8.0  # longer than an attempt; then the process that sends it must be dead
POLL_SECONDS = 1.0
KEEP_SECONDS = 7 * 86400.0  # how long finished messages are listed and can be sent again
FORGET_SECONDS = 3600.0

CONCURRENT = 32
PER_HOST = 4
PER_USER = 8

GONE = 410


class Sender:
    """Background work: sends what is due, several messages concurrently, few to each host.

    Of several processes with one database, one takes a message; if that process dies, another one
    sends the message again. So a receiver gets each message at least once.

    clock: Unix seconds. jitter: a number from 0 to 1. tls: see http_post.post.
    """

    def __init__(
        self,
        storage: Storage,
        settings: WebhookSettings,
        guard: Guard,
        clock: Callable[[], float] = time.time,
        jitter: Callable[[], float] = random.random,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._storage = storage
        self._settings = settings
        self._guard = guard
        self._clock = clock
        self._jitter = jitter
        self._tls = tls
        self._running: dict[asyncio.Task[None], Delivery] = {}
        self._ended = asyncio.Event()
        self._forgotten_at = 0.0

    async def run(self) -> None:
        """Send messages until cancelled; interrupted attempts are due again immediately."""
        database = await self._storage.opened()
        away = False
        try:
            while True:
                try:
                    await self._start_due(database)
                    await self._forget(database)
                    away = False
                except StorageUnavailable as error:
                    if not away:
                        log.warning("webhooks wait: %s", error.in_log)
                    away = True
                self._ended.clear()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(POLL_SECONDS):  # wait_for() may lose a cancellation
                        await self._ended.wait()
        finally:
            await self._stop(database)

    async def send_due(self) -> None:
        """Send all that is due now, and wait until these attempts have ended."""
        database = await self._storage.opened()
        while await self._start_due(database):
            await asyncio.gather(*self._running)

    async def _start_due(self, database: Database) -> int:
        """Begin attempts, as many as may run concurrently; returns how many."""
        from server.webhooks import deliveries
        from server.webhooks.kept_secrets import signing_secrets

        begun = 0
        while (free := CONCURRENT - len(self._running)) > 0:
            now = self._clock()
            hosts = Counter(each.host for each in self._running.values())
            users = Counter(each.user for each in self._running.values())
            found = await deliveries.due(
                database,
                now,
                CONCURRENT,
                [host for host, count in hosts.items() if count >= PER_HOST],
                [user for user, count in users.items() if count >= PER_USER],
            )
            wanted = []
            for each in found:
                hosts[each.host] += 1
                users[each.user] += 1
                if hosts[each.host] <= PER_HOST and users[each.user] <= PER_USER:
                    wanted.append(each)
            if not wanted:
                break
            taken = await deliveries.take(database, wanted[:free], now, now + LEASE_SECONDS)
            secrets = await signing_secrets(database, self._settings, now)
            for each in taken:
                task = asyncio.ensure_future(self._attempt(database, each, secrets))
                self._running[task] = each
                task.add_done_callback(self._end)
            begun += len(taken)
        return begun

    def _end(self, task: asyncio.Task[None]) -> None:
        del self._running[task]
        self._ended.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("the outcome of a webhook could not be noted", exc_info=error)

    async def _attempt(
        self, database: Database, delivery: Delivery, secrets: Sequence[str]
    ) -> None:
        from server.webhooks import deliveries

        outcome = await self._send(delivery, secrets)
        if outcome.state == "dead":
            log.warning("webhook %s is given up: %s", delivery.id, outcome.error)
        try:
            await deliveries.finish(database, delivery.id, outcome, self._clock())
        except StorageUnavailable:
            log.warning("webhook %s will be sent again: the database is unavailable", delivery.id)

    async def _send(self, delivery: Delivery, secrets: Sequence[str]) -> Outcome:
        from server.webhooks.deliveries import Outcome

        body = delivery.body.encode()
        headers = signed_headers(delivery.id, int(self._clock()), body, secrets)
        status: int | None = None
        addresses: Sequence[str] = ()
        try:
            async with asyncio.timeout(ATTEMPT_SECONDS):
                target = self._guard.target(delivery.url)
                addresses = await self._guard.addresses(target, delivery.user)
                reply = await post(target, addresses, headers, body, ATTEMPT_SECONDS, self._tls)
        except (TimeoutError, NotResolved):
            error = f"no answer within {ATTEMPT_SECONDS:g} s"
            if not addresses:
                error = "its name could not be looked up"
                age = self._clock() - delivery.created_at
                if age < UNRESOLVED_SECONDS:  # the receiver was not asked
                    least, most = UNRESOLVED_RETRY_SECONDS
                    due = self._clock() + self._jittered(min(max(age, least), most))
                    return Outcome("pending", due, None, error, counts=False)
        except (UrlRefused, ExchangeError) as problem:
            error = str(problem)
        except Exception:  # or it would be tried again all the time
            log.exception("webhook %s could not be sent", delivery.id)
            error = "internal error"
        else:
            status = reply.status
            error = f"the receiver answered {status}"
            if 200 <= status < 300:
                return Outcome("delivered", None, status, None)
        if status == GONE or delivery.attempts >= len(RETRY_SECONDS):
            return Outcome("dead", None, status, error)
        due = self._clock() + self._jittered(RETRY_SECONDS[delivery.attempts])
        return Outcome("pending", due, status, error)

    def _jittered(self, seconds: float) -> float:
        return seconds * (1 + JITTER * self._jitter())

    async def _forget(self, database: Database) -> None:
        from server.webhooks import deliveries

        now = self._clock()
        if now >= self._forgotten_at + FORGET_SECONDS:
            await deliveries.forget(database, now - KEEP_SECONDS)
            self._forgotten_at = now

    async def _stop(self, database: Database) -> None:
        """Cancel the running attempts, and make their messages due again."""
        from server.webhooks import deliveries

        cut = dict(self._running)
        for task in cut:
            task.cancel()
        await asyncio.gather(*cut, return_exceptions=True)
        if cut:
            with contextlib.suppress(StorageUnavailable):
                ids = [each.id for each in cut.values()]
                await deliveries.release(database, ids, self._clock())
