"""Which keys are accepted, how long they are kept, and what refused ones cost."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from server.database.location import Location, locate
from server.database.schema import upgrade
from server.database.storage import Storage
from server.errors import KeyInvalid, StorageUnavailable
from server.principal import ADMIN, Limits, Principal
from server.users import keyring as module
from server.users.erasing import erase_user
from server.users.key_format import new_id, new_secret_key
from server.users.key_store import KeyStore
from server.users.keyring import STALE_SECONDS, Keyring
from tests.support.keys import NOW, Clock, add_key, counted_statements, store_of
from tests.support.postgresql import PostgreSQL
from tests.support.watching import until


class Ring:
    """A keyring with clocks that stand still, and a second process that changes keys."""

    def __init__(self, location: Location, admin_key: str | None = None) -> None:
        self.clock, self.monotonic = Clock(), Clock(0)
        self.storage = Storage(location)
        self.keyring = Keyring(self.storage, admin_key, self.clock, self.monotonic)
        self.elsewhere = Storage(location)

    async def store(self) -> KeyStore:
        """The keys, as another process changes them."""
        return await store_of(self.elsewhere)

    async def verified(self, key: str) -> Principal:
        return self.keyring.recall(key) or await self.keyring.look_up(key)

    async def refused(self, key: str) -> bool:
        try:
            await self.verified(key)
        except KeyInvalid:
            return True
        return False

    async def close(self) -> None:
        await self.keyring.close()
        await self.storage.close()
        await self.elsewhere.close()


def scenario(
    location: Location, run: Callable[[Ring], Awaitable[Any]], admin_key: str | None = None
) -> None:
    async def whole() -> None:
        ring = Ring(location, admin_key)
        try:
            await run(ring)
        finally:
            await ring.close()

    asyncio.run(whole())


def test_a_key_has_the_scopes_and_limits_of_its_row(location: Location) -> None:
    async def run(ring: Ring) -> None:
        record, key = await add_key(
            ring.elsewhere, scopes=["jobs", "read"], weight=2, priority=3, daily_quota=500
        )
        assert await ring.keyring.look_up(key) == Principal(
            record.key_id, frozenset(("read", "jobs")), 2.0, 3, Limits(daily_quota=500)
        )
        assert ring.keyring.recall(key) == await ring.keyring.look_up(key)

    scenario(location, run)


def test_wrong_unknown_and_mistyped_keys_are_refused_alike(location: Location) -> None:
    async def run(ring: Ring) -> None:
        record, key = await add_key(ring.elsewhere)
        wrong = new_secret_key(record.key_id)
        messages = set()
        for each in (wrong, new_secret_key(new_id()), key[:-1] + "_", "nonsense", ""):
            with pytest.raises(KeyInvalid) as caught:
                await ring.keyring.look_up(each)
            messages.add(caught.value.message)
        assert len(messages) == 1

    scenario(location, run)


def test_an_unknown_id_takes_the_path_of_a_wrong_secret(
    location: Location, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def run(ring: Ring) -> None:
        record, _ = await add_key(ring.elsewhere)
        await ring.refused(new_secret_key(new_id()))  # opens the database
        paths = []
        for key in (new_secret_key(new_id()), new_secret_key(record.key_id)):
            compared.clear()
            with counted_statements() as statements:
                assert await ring.refused(key)
            of_keys = [each for each in statements if "FROM key" in each.replace('"', "")]
            paths.append((of_keys, [len(known) for known in compared]))
        assert paths[0] == paths[1]
        assert paths[0][0]
        assert paths[0][1] == [32]
        assert len(ring.keyring) == 0

    compared: list[bytes] = []
    compare = hmac.compare_digest

    def noted(known: bytes, given: bytes) -> bool:
        compared.append(known)
        return compare(known, given)

    monkeypatch.setattr("server.users.keyring.hmac.compare_digest", noted)
    scenario(location, run)


def test_a_key_ends_at_its_second_also_while_it_is_kept(location: Location) -> None:
    async def run(ring: Ring) -> None:
        _, key = await add_key(ring.elsewhere, expires_at=NOW + 60)
        ring.clock.now = NOW + 59.9
        await ring.verified(key)
        assert ring.keyring.recall(key) is not None
        ring.clock.now = NOW + 60
        assert ring.keyring.recall(key) is None
        assert await ring.refused(key)

    scenario(location, run)


def test_after_a_rotation_both_secrets_work_until_the_old_one_ends(location: Location) -> None:
    async def run(ring: Ring) -> None:
        record, old = await add_key(ring.elsewhere)
        await ring.verified(old)
        _, new = await (await ring.store()).rotate(record.key_id, 3600, NOW)
        await until(lambda: ring.keyring.recall(old) is None, "the change was seen")
        assert await ring.verified(old) == await ring.verified(new)
        ring.clock.now = NOW + 3600
        assert await ring.refused(old)
        assert not await ring.refused(new)

    scenario(location, run)


def test_a_second_rotation_ends_the_oldest_secret(location: Location) -> None:
    async def run(ring: Ring) -> None:
        record, first = await add_key(ring.elsewhere)
        store = await ring.store()
        _, second = await store.rotate(record.key_id, 3600, NOW + 1)
        _, third = await store.rotate(record.key_id, 60, NOW + 2)
        assert [await ring.refused(key) for key in (first, second, third)] == [True, False, False]
        assert len((await store.get(record.key_id)).secrets) == 2
        _, fourth = await store.rotate(record.key_id, 0, NOW + 3)
        await until(lambda: ring.keyring.recall(third) is None, "the change was seen")
        assert [await ring.refused(key) for key in (second, third, fourth)] == [True, True, False]

    scenario(location, run)


def test_a_revoked_key_is_dropped_by_other_processes(location: Location) -> None:
    async def run(ring: Ring) -> None:
        record, key = await add_key(ring.elsewhere)
        _, other = await add_key(ring.elsewhere)
        await ring.verified(key)
        await ring.verified(other)
        await (await ring.store()).revoke(record.key_id, NOW)
        await until(lambda: ring.keyring.recall(key) is None, "the revocation was seen")
        assert await ring.refused(key)
        assert not await ring.refused(other)

    scenario(location, run)


def test_a_key_that_is_revoked_while_it_is_looked_up_is_not_kept(
    location: Location, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The old row was read, then the poll saw the new epoch, then the lookup went on."""

    async def run(ring: Ring) -> None:
        record, key = await add_key(ring.elsewhere)
        _, other = await add_key(ring.elsewhere)
        await ring.verified(other)
        find = KeyStore.find

        async def slow_find(self: KeyStore, key_id: str) -> Any:
            found = await find(self, key_id)
            await (await ring.store()).revoke(record.key_id, NOW)
            await until(lambda: ring.keyring.recall(other) is None, "the poll saw the change")
            return found

        monkeypatch.setattr(KeyStore, "find", slow_find)
        await ring.keyring.look_up(key)
        assert ring.keyring.recall(key) is None

    scenario(location, run)


def test_refused_keys_cost_one_statement_each_and_no_memory(location: Location) -> None:
    async def run(ring: Ring) -> None:
        record, key = await add_key(ring.elsewhere)
        assert await ring.refused(new_secret_key(new_id()))  # its connection is made
        with counted_statements() as statements:
            for _ in range(50):
                assert await ring.refused(new_secret_key(record.key_id))
                assert await ring.refused(new_secret_key(new_id()))
        asked = [each for each in statements if "key_secret" in each]  # servers have others
        assert len(asked) == 100
        assert len(set(asked)) == 1
        assert len(ring.keyring) == 0
        await ring.verified(key)
        with counted_statements() as statements:
            for _ in range(50):
                assert await ring.refused(key[:-1] + "_")  # its checksum is wrong
        assert not [each for each in statements if "key_secret" in each]
        assert len(ring.keyring) == 1

    scenario(location, run)


def test_the_oldest_of_too_many_keys_is_dropped(
    location: Location, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def run(ring: Ring) -> None:
        monkeypatch.setattr(module, "MAX_KEPT", 2)
        keys = [(await add_key(ring.elsewhere))[1] for _ in range(3)]
        for key in (keys[0], keys[1], keys[0], keys[2]):
            await ring.verified(key)
        assert [ring.keyring.recall(key) is not None for key in keys] == [True, False, True]

    scenario(location, run)


def test_many_requests_with_one_new_key_look_it_up_once_or_twice(location: Location) -> None:
    async def run(ring: Ring) -> None:
        _, key = await add_key(ring.elsewhere)
        await ring.storage.open()
        with counted_statements() as statements:
            await asyncio.gather(*(ring.verified(key) for _ in range(100)))
        assert len([each for each in statements if "key_secret" in each]) <= module.LOOKUPS

    scenario(location, run)


def test_kept_keys_outlive_the_database_for_a_while(postgresql: PostgreSQL, tmp_path: Path) -> None:
    location = locate(postgresql.create_database("keys_away"), tmp_path)
    upgrade(location)

    async def run(ring: Ring) -> None:
        _, key = await add_key(ring.elsewhere)
        _, new = await add_key(ring.elsewhere)
        await ring.verified(key)
        postgresql.stop()
        try:
            ring.monotonic.now = STALE_SECONDS - 0.1
            assert ring.keyring.recall(key) is not None
            with pytest.raises(StorageUnavailable):
                await ring.verified(new)
            ring.monotonic.now = 2 * STALE_SECONDS
            with pytest.raises(StorageUnavailable):
                await ring.verified(key)
        finally:
            postgresql.start()
        await ring.verified(key)
        await ring.verified(new)

    scenario(location, run)


def test_the_key_in_the_settings_needs_no_database(tmp_path: Path) -> None:
    async def run(ring: Ring) -> None:
        assert ring.keyring.recall("the key of the operator") is ADMIN
        assert await ring.refused("another key")
        assert await ring.refused(new_secret_key(new_id()))
        assert ring.storage.state == "closed"
        assert not ring.storage.in_use()

    scenario(locate(None, tmp_path), run, "the key of the operator")


def test_erased_users_are_dropped_by_other_processes(location: Location) -> None:
    async def run(ring: Ring) -> None:
        record, key = await add_key(ring.elsewhere)
        erased: list[str] = []
        ring.keyring.when_erased(erased.append)
        await ring.verified(key)
        await erase_user(await ring.elsewhere.open(), record.key_id, NOW)
        await until(lambda: erased, "the erasure was seen")
        assert erased == [record.key_id]
        assert await ring.refused(key)

    scenario(location, run)


def test_the_database_is_asked_for_changes_only_while_keys_are_in_use(location: Location) -> None:
    async def run(ring: Ring) -> None:
        _, key = await add_key(ring.elsewhere)
        await ring.storage.open()
        with counted_statements() as statements:
            await asyncio.sleep(0)
            assert not statements
            await ring.verified(key)
            await until(lambda: len(statements) > 2, "the epoch is read")
            ring.monotonic.now = STALE_SECONDS
            await until(lambda: len(ring.keyring) == 0, "idle")
            assert ring.keyring.recall(key) is None

    scenario(location, run)
