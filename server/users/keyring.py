"""Verified keys, kept in memory while they are in use; revoked everywhere within a second.

A key is looked up in the database once, and its principal is kept. The epoch is a number that each
change of a key increases. It is read every POLL_SECONDS while keys are in use, and when it has
changed, all kept principals are dropped. While the database is unavailable, kept keys are accepted
for STALE_SECONDS.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from server.database.storage import Storage, StorageError
from server.errors import KeyInvalid, StorageUnavailable
from server.principal import ADMIN, Principal
from server.users.key_format import digest_of, id_of

if TYPE_CHECKING:
    from server.users.key_store import FoundKey, KeyStore

POLL_SECONDS = 0.25
IDLE_POLL_SECONDS = 5.0  # so that erased users are noticed when no key is in use
STALE_SECONDS = 30.0
MAX_KEPT = 10_000
LOOKUPS = 2  # at the same time; a flood of wrong keys must leave connections to others
OPEN_SECONDS = 20.0  # the first lookup also imports the libraries and checks the schema
LOOKUP_SECONDS = 5.0
_NO_HASH = bytes(32)  # compared with when the id is unknown

log = logging.getLogger("server.keys")


@dataclass(frozen=True, slots=True)
class _Kept:
    principal: Principal
    expires_at: float | None  # Unix time


class Keyring:
    """Finds the principal of a key.

    admin_key: a key with all scopes that is not in the database. clock: Unix time, for the expiry
    of keys. monotonic: seconds, for how long keys stay in memory.
    """

    def __init__(
        self,
        storage: Storage,
        admin_key: str | None = None,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._storage = storage
        self._admin = None if admin_key is None else digest_of(admin_key)
        self._clock = clock
        self._monotonic = monotonic
        self._kept: OrderedDict[bytes, _Kept] = OrderedDict()  # by the digest of the key
        self._epoch: int | None = None  # None until it was read
        self._confirmed_at = float("-inf")  # when the epoch was read last
        self._used_at = float("-inf")
        self._lookups = asyncio.Semaphore(LOOKUPS)
        self._wake = asyncio.Event()
        self._polling: asyncio.Task[None] | None = None
        self._when_erased: list[Callable[[str], object]] = []

    def __len__(self) -> int:
        """How many keys are kept."""
        return len(self._kept)

    def when_erased(self, callback: Callable[[str], object]) -> None:
        """Call back with each erased user, so that the user's other data in memory is dropped."""
        self._when_erased.append(callback)

    def recall(self, key: str) -> Principal | None:
        """The principal of a kept key; None: call look_up(). Takes microseconds."""
        digest = digest_of(key)
        if self._admin is not None and hmac.compare_digest(digest, self._admin):
            return ADMIN
        kept = self._kept.get(digest)
        now = self._monotonic()
        if kept is None or now >= self._confirmed_at + STALE_SECONDS:
            return None
        if kept.expires_at is not None and self._clock() >= kept.expires_at:
            return None
        self._used_at = now
        self._kept.move_to_end(digest)
        return kept.principal

    async def look_up(self, key: str) -> Principal:
        """The principal of a key; KeyInvalid, or StorageUnavailable if the database is down.

        An unknown id takes the same path as a wrong secret. Refused keys are not kept, so that a
        flood of them does not use memory.
        """
        key_id = id_of(key)
        if key_id is None or not self._storage.in_use():
            raise KeyInvalid
        async with self._lookups:
            principal = self.recall(key)  # another request may have looked it up meanwhile
            return principal or await self._find(key_id, digest_of(key))

    async def close(self) -> None:
        """Stop polling."""
        if self._polling is not None:
            self._polling.cancel()
            await asyncio.gather(self._polling, return_exceptions=True)

    async def _find(self, key_id: str, digest: bytes) -> Principal:
        epoch = self._epoch
        try:
            async with asyncio.timeout(OPEN_SECONDS):
                store = await self._store()
            async with asyncio.timeout(LOOKUP_SECONDS):
                found = await store.find(key_id)
        except (StorageError, TimeoutError) as error:
            raise StorageUnavailable("the database does not answer; try again later") from error
        kept = self._checked(found, digest)
        if kept is None:
            raise KeyInvalid
        if found is not None and self._epoch in (epoch, found.epoch):  # else found is outdated
            self._keep(digest, kept, found.epoch)
        return kept.principal

    def _checked(self, found: FoundKey | None, digest: bytes) -> _Kept | None:
        """What to keep of a key that was found; None if it is not valid."""
        now = self._clock()
        hashes = found.hashes if found is not None else ((_NO_HASH, None),)
        matching = [ends for known, ends in hashes if hmac.compare_digest(known, digest)]
        if found is None or not matching or found.revoked:
            return None
        ends = [end for end in (matching[0], found.expires_at) if end is not None]
        if any(now >= end for end in ends):
            return None
        return _Kept(found.principal, min(ends, default=None))

    def _keep(self, digest: bytes, kept: _Kept, epoch: int) -> None:
        """Keep a verified key, which was read together with this epoch."""
        self._confirm(epoch)
        self._used_at = self._monotonic()
        self._kept[digest] = kept
        if len(self._kept) > MAX_KEPT:
            self._kept.popitem(last=False)
        self._wake.set()
        if self._polling is None or self._polling.done():
            self._polling = asyncio.ensure_future(self._poll(epoch))

    def _confirm(self, epoch: int) -> None:
        """The epoch was read: drop all kept keys if it has changed."""
        changed = self._epoch not in (None, epoch)
        self._epoch, self._confirmed_at = epoch, self._monotonic()
        if changed:
            self._kept.clear()

    async def _poll(self, seen: int) -> None:
        """Read the epoch again and again; slowly while no key is in use."""
        while True:
            await self._pause()
            try:
                async with asyncio.timeout(LOOKUP_SECONDS):
                    store = await self._store()
                    epoch = await store.epoch()
                    self._confirm(epoch)
                    if epoch != seen:
                        self._drop_users(await store.erased_since(seen))
                        seen = epoch
            except (StorageError, StorageUnavailable, TimeoutError):
                continue  # kept keys become stale
            except Exception:
                log.exception("cannot read whether keys have changed; trying again")

    def _drop_users(self, users: list[str]) -> None:
        for user in users:
            for callback in self._when_erased:
                callback(user)

    async def _pause(self) -> None:
        """Wait until the epoch must be read again."""
        self._wake.clear()
        if self._monotonic() < self._used_at + STALE_SECONDS:
            await asyncio.sleep(POLL_SECONDS)
            return
        self._kept.clear()
        try:
            async with asyncio.timeout(IDLE_POLL_SECONDS):
                await self._wake.wait()
        except TimeoutError:
            return

    async def _store(self) -> KeyStore:
        database = await self._storage.open()
        from server.users.key_store import KeyStore

        return KeyStore(database)
