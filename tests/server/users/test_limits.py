"""The limits of addresses and users, and what a request takes of them."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import Any

import pytest

from server.errors import QuotaExceeded, RateLimited
from server.principal import ADMIN, ANONYMOUS, Limits, Principal
from server.users.admission import Admission
from server.users.effective_limits import DefaultLimits, effective
from server.users.limits import Limiter, network_of
from server.users.standing import Standing
from tests.support.checkout import ROOT
from tests.support.structured_fields import string_items

NOON = 1_796_040_000.0


class FakeLease:
    """Counts what happens to it."""

    def __init__(self) -> None:
        self.spent = self.credited = 0

    def spend(self) -> None:
        self.spent += 1

    def credit(self) -> None:
        self.credited += 1


class FakeQuota:
    """One lease, after which the quota is used up; asked: what take() waits for."""

    def __init__(self, rest: int, ready: bool = True) -> None:
        self.lease = FakeLease()
        self.rest = rest
        self.ready = ready
        self.asked = asyncio.Event()
        self.asked.set()

    def try_take(self, user: str, limit: int) -> FakeLease | None:
        if not self.ready or not self.rest:
            return None
        self.rest -= 1
        return self.lease

    def standing(self, user: str, limit: int) -> Standing:
        return Standing("day", limit, self.rest, 86_400, 60)

    async def take(self, user: str, limit: int) -> FakeLease:
        await self.asked.wait()
        self.ready = True
        lease = self.try_take(user, limit)
        if lease is None:
            raise QuotaExceeded("used up", 60)
        return lease


def limiter(quota: Any = None, **defaults: Any) -> Limiter:
    made = Limiter(DefaultLimits(**defaults), quota, lambda: NOON)
    made.prepare()
    return made


def admission(limits: Limiter, user: str = "a", **own: Any) -> Admission:
    found = limits.admission(Principal(user, limits=Limits(**own)))
    assert found is not None
    return found


def test_a_key_has_its_own_limits_or_the_defaults() -> None:
    defaults = DefaultLimits(rate_per_minute=60, concurrency=4, max_body_mb=1, daily_quota=500)
    found = effective(Limits(rate_per_minute=10, daily_quota=0), defaults)
    assert (found.rate_per_minute, found.concurrency, found.daily_quota) == (10, 4, 0)
    assert found.max_body_bytes == 1 << 20


def test_without_limits_nothing_is_kept() -> None:
    assert limiter().admission(Principal("a")) is None


@pytest.mark.parametrize("principal", [ANONYMOUS, ADMIN])
def test_the_limits_of_keys_are_not_those_of_everybody(principal: Principal) -> None:
    assert limiter(rate_per_minute=1, daily_quota=1).admission(principal) is None


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("fe80::1%eth0", "fe80::2", True),
    ],
)
def test_which_addresses_are_one_client(one: str, other: str, same: bool) -> None:
    assert (network_of(one) == network_of(other)) is same


def test_a_unix_socket_has_no_limit() -> None:
    limits = limiter(address_per_minute=1)
    for _ in range(3):
        limits.check_address("")
    limits.check_address("192.0.2.1")
    with pytest.raises(RateLimited):
        limits.check_address("192.0.2.1")


@pytest.mark.parametrize(
    ("status", "outcome", "count_hits", "counts"),
    [
        (200, "miss", True, True),
        (200, "hit", True, True),
        (200, "hit", False, False),
        (200, "joined", False, True),
        (202, "miss", True, True),
        (400, "", True, True),
        (422, "", True, True),
        (413, "", True, False),
        (429, "", True, False),
        (500, "", True, False),
        (503, "", True, False),
        (504, "", True, False),
    ],
)
def test_which_answers_count(status: int, outcome: str, count_hits: bool, counts: bool) -> None:
    quota = FakeQuota(1)
    taken = admission(limiter(quota, daily_quota=9, count_hits=count_hits))
    assert taken.enter(recognition=True) is None
    taken.settle(status, outcome)
    taken.settle(500, "")  # only the first answer is sent
    taken.leave()
    assert (quota.lease.spent, quota.lease.credited) == (int(counts), int(not counts))


def test_a_client_that_leaves_without_an_answer_has_used_its_request() -> None:
    quota = FakeQuota(1)
    taken = admission(limiter(quota, daily_quota=9))
    taken.enter(recognition=True)
    taken.leave()
    assert quota.lease.spent == 1


def test_only_recognitions_take_of_quota_and_places() -> None:
    quota = FakeQuota(1)
    limits = limiter(quota, daily_quota=1, concurrency=1)
    for _ in range(3):
        assert admission(limits).enter(recognition=False) is None
    assert quota.rest == 1


def test_a_place_is_free_again_when_the_request_ends() -> None:
    limits = limiter(concurrency=1)
    first = admission(limits)
    first.enter(recognition=True)
    with pytest.raises(RateLimited, match="1 requests with this key are in progress"):
        admission(limits).enter(recognition=True)
    assert string_items(first.headers()["RateLimit"]) == {"concurrency": {"r": 0}}
    first.leave()
    first.leave()
    second = admission(limits)
    second.enter(recognition=True)
    assert string_items(second.headers()["RateLimit"]) == {"concurrency": {"r": 0}}


def test_a_request_refused_by_its_quota_counts_for_nothing() -> None:
    async def run() -> None:
        limits = limiter(FakeQuota(0), daily_quota=1, rate_per_minute=5, concurrency=3)
        taken = admission(limits)
        waiting = taken.enter(recognition=True)
        assert waiting is not None
        with pytest.raises(QuotaExceeded):
            await waiting
        taken.settle(429, "")
        taken.leave()
        left = string_items(taken.headers()["RateLimit"])
        assert left["rate"]["r"] == 5 and left["concurrency"]["r"] == 3

    asyncio.run(run())


def left_while(loaded: bool) -> tuple[FakeQuota, Limiter]:
    """A client leaves while its request waits: for the database, or for an import before that."""

    async def run() -> tuple[FakeQuota, Limiter]:
        quota = FakeQuota(1, ready=False)
        quota.asked.clear()
        limits = limiter(quota, rate_per_minute=9 if loaded else 0)
        taken = admission(limits, daily_quota=9, rate_per_minute=9, concurrency=1)
        waiting = taken.enter(recognition=True)
        assert waiting is not None
        task = asyncio.ensure_future(waiting)
        await asyncio.sleep(0)
        taken.leave()
        quota.asked.set()
        await task
        return quota, limits

    return asyncio.run(run())


def test_a_client_that_leaves_while_a_lease_is_fetched_takes_nothing() -> None:
    quota, limits = left_while(loaded=True)
    assert (quota.lease.spent, quota.lease.credited) == (0, 1)
    admission(limits, concurrency=1).enter(recognition=True)


def test_a_client_that_leaves_while_the_limits_are_loaded_takes_nothing() -> None:
    quota, limits = left_while(loaded=False)
    assert quota.rest == 1
    admission(limits, concurrency=1).enter(recognition=True)


def test_more_of_the_quota_for_a_request_with_several_images_or_none_of_it() -> None:
    async def run() -> None:
        quota = FakeQuota(5)
        limits = limiter(quota, daily_quota=5)
        taken = admission(limits)
        taken.enter(recognition=True)
        with pytest.raises(QuotaExceeded):
            await taken.take_more(5)
        assert quota.lease.credited == 4
        quota.rest = 4
        await taken.take_more(4)
        taken.settle(200, "")
        assert quota.lease.spent == 5

    asyncio.run(run())


def test_what_counts_requests_is_imported_only_where_there_are_limits() -> None:
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"
        "from server.app import build_context\n"
        "from server.settings.settings import Settings\n"
        "build_context(Settings(), lambda: None)\n"
        "names = ('limits', 'redis', 'sqlalchemy', 'zoneinfo')\n"
        "print([each for each in names if each in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
