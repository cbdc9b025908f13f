"""The objects that the server reads without a request: found by events and by listing."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from server.database.database import Database
from server.database.storage import Storage, StorageError
from server.errors import StorageUnavailable
from server.objects.errors import StoreUnavailable
from server.objects.events import Events, Subscription, showable
from server.objects.found import Found, is_usable
from server.objects.ledger import Ledger
from server.objects.search import search
from server.objects.sources.bucket import BucketSource
from server.objects.work import ObjectWork

RETRY_SECONDS = 1.0
AGAIN_SECONDS = 10.0  # after a listing that failed
LOOK_SECONDS = 0.25  # how often the ledger is read for those who wait

log = logging.getLogger("server.storage")


@dataclass(frozen=True, slots=True)
class FeedParts:
    """What a feed works with, on an open database. sources: by their names."""

    ledger: Ledger
    sources: Mapping[str, BucketSource]
    work: ObjectWork


@dataclass(frozen=True, slots=True)
class Accepted:
    """The objects of some events. ids: in the ledger. ignored: other events and objects."""

    ids: Sequence[str]
    ignored: int


class ObjectFeed:
    """Reads the objects of the places that the settings name, until it is cancelled.

    make: imports the libraries and builds the parts; called in a thread. list_seconds: between two
    listings of all places; 0: objects are found by events only.
    """

    def __init__(
        self, storage: Storage, make: Callable[[Database], FeedParts], list_seconds: float
    ) -> None:
        self._storage = storage
        self._make = make
        self._list_seconds = list_seconds
        self._making = asyncio.Lock()
        self._parts: FeedParts | None = None

    async def run(self) -> None:
        """Work until cancelled."""
        parts = await self._open_patiently()
        listing = asyncio.ensure_future(self._keep_listing(parts))
        try:
            await parts.work.run()
        finally:
            listing.cancel()

    async def drain(self) -> None:
        """Take no more objects."""
        if self._parts is not None:
            await self._parts.work.drain()

    async def accept(self, events: Events) -> Accepted:
        """Note the objects of events; when this returns, they survive a power cut.

        StorageUnavailable while there is no database.
        """
        parts = await self._open()
        found = []
        for each in events.created:
            source = parts.sources.get(f"s3://{each.bucket}")
            if source is not None and source.has(each.key) and is_usable(each.key):
                found.append(
                    Found(source.name, each.key, each.etag, each.size, sequencer=each.sequencer)
                )
        found.sort(key=lambda each: each.sequencer or "")
        await parts.ledger.note(found)
        parts.work.wake()
        for subscription in events.subscriptions:
            _explain(subscription)
        ids = {parts.ledger.id_of(each.source, each.key) for each in found}
        return Accepted(list(ids), len(events.created) - len(found) + events.others)

    async def wait(self, ids: Sequence[str], seconds: float) -> Counter[str]:
        """The states of these objects when all are finished; after some seconds in any case."""
        parts = await self._open()
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while True:
            states = Counter(await parts.ledger.states(ids))
            if not states["pending"] or loop.time() >= deadline:
                return states
            await asyncio.sleep(LOOK_SECONDS)

    async def _open(self) -> FeedParts:
        async with self._making:
            if self._parts is None:
                try:
                    database = await self._storage.open()
                except StorageError as error:
                    raise StorageUnavailable(f"there is no database: {error}") from None
                self._parts = await asyncio.to_thread(self._make, database)
            return self._parts

    async def _open_patiently(self) -> FeedParts:
        waited = False
        while True:
            try:
                return await self._open()
            except StorageUnavailable as error:
                if not waited:
                    log.warning("objects wait: %s", error.in_log)
                waited = True
                await asyncio.sleep(RETRY_SECONDS)

    async def _keep_listing(self, parts: FeedParts) -> None:
        """List all places at the start, and again after each interval, if there is one."""
        problem = ""
        while self._list_seconds:
            pause = self._list_seconds
            try:
                if new := await search(parts.ledger, parts.sources.values()):
                    log.info("listing has found %d new objects", new)
                    parts.work.wake()
                problem = ""
            except (StoreUnavailable, StorageUnavailable) as error:
                if str(error) != problem:
                    log.warning("cannot list objects: %s", error)
                problem = str(error)
                pause = min(AGAIN_SECONDS, pause)
            except Exception:
                log.exception("objects are listed again later")
            await asyncio.sleep(pause)


def _explain(subscription: Subscription) -> None:
    """Tell the operator how to confirm the subscription of a topic; the server does not do it."""
    if showable(subscription):
        log.warning(
            "SNS asks for the confirmation of a subscription; if it is yours, run: "
            "aws sns confirm-subscription --topic-arn %s --token %s",
            subscription.topic,
            subscription.token,
        )
    else:
        log.warning("SNS asks for the confirmation of a subscription with an unusual ARN")
