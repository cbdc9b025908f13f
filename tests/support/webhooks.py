"""Senders for tests: they reach loopback, and their clock is set by hand."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator, Sequence
from ipaddress import ip_network
from typing import Any

from sqlalchemy import Row, select

from server.database.database import Database
from server.database.location import Location
from server.database.storage import Storage
from server.database.tables import DELIVERY
from server.outbound.guard import Guard
from server.outbound.names import Resolve
from server.settings.secrets import Secret
from server.settings.url_settings import WebhookSettings
from server.webhooks.deliveries import enqueue
from server.webhooks.sender import Sender
from server.webhooks.signing import new_secret

SECRET = new_secret()
LOOPBACK = WebhookSettings(
    allow_http=True,
    allow_private=(ip_network("127.0.0.0/8"), ip_network("::1")),
    secrets=(Secret(SECRET),),
)


class Clock:
    """Unix seconds that only pass() moves."""

    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> float:
        return self.now

    def pass_(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds


@contextlib.asynccontextmanager
async def sending(
    location: Location,
    clock: Clock,
    settings: WebhookSettings = LOOPBACK,
    resolve: Resolve | None = None,
    **more: Any,
) -> AsyncIterator[tuple[Sender, Database]]:
    """A sender with its own connections, without jitter; it sends when it is told to."""
    storage = Storage(location)
    try:
        database = await storage.open()
        guard = Guard(settings, resolve)
        yield Sender(storage, settings, guard, clock, lambda: 0.0, **more), database
    finally:
        await storage.close()


async def add(database: Database, clock: Clock, *urls: str, user: str = "anonymous") -> None:
    """Messages to these URLs, with their number in the body."""
    async with database.write() as connection:
        for number, url in enumerate(urls):
            body = f'{{"number":{number}}}'
            await enqueue(database, connection, user=user, url=url, body=body, clock=clock)


async def rows(database: Database) -> Sequence[Row[Any]]:
    """All messages, the oldest first."""
    statement = select(DELIVERY).order_by(DELIVERY.c.created_at, DELIVERY.c.body)
    async with database.read() as connection:
        found: Sequence[Row[Any]] = (await connection.execute(statement)).all()
        return found
