"""The limits of client addresses and of users: requests per minute, concurrency, daily quota.

An address is checked before the key is looked up, and the limits of a user when the user is known.
Both happen before the body is read.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from server.errors import RateLimited
from server.principal import ADMIN, ANONYMOUS, Limits, Principal
from server.users.admission import Admission
from server.users.effective_limits import DefaultLimits, EffectiveLimits, effective
from server.users.standing import Standing, rate_limit_headers

if TYPE_CHECKING:
    from ocr_cluster.redis_link import RedisLink
    from server.users.lease_book import Lease
    from server.users.quota import Quota
    from server.users.shared_rates import SharedRates
    from server.users.sliding_windows import RequestRates

CONCURRENCY_RETRY_SECONDS = 1
MAX_KEPT = 1000  # combinations of limits


class Limiter:
    """Knows what addresses and users have used of their limits.

    link: to the Redis in which front ends count requests per minute together; None: each counts for
    itself. clock: Unix time.
    """

    def __init__(
        self,
        defaults: DefaultLimits,
        quota: Quota | None = None,
        clock: Callable[[], float] = time.time,
        link: RedisLink | None = None,
    ) -> None:
        self.defaults = defaults
        self.quota = quota
        self.rates: RequestRates | SharedRates | None = None
        self._addresses: RequestRates | SharedRates | None = None
        self._clock = clock
        self._link = link
        self._places: Counter[str] = Counter()
        self._effective: dict[Limits, EffectiveLimits] = {}

    def prepare(self) -> None:
        """Import what counts requests per minute, if the settings have such a limit."""
        if self.defaults.address_per_minute:
            self._addresses = self._new_rates("address")
        if self.defaults.rate_per_minute:
            self.rates = self._new_rates("user")

    def check_address(self, address: str) -> Awaitable[None] | None:
        """Count a request of this address; RateLimited if it has sent too many.

        A Unix socket has no address, and no limit. Returns an awaitable only if Redis must be
        asked.
        """
        per_minute = self.defaults.address_per_minute
        if self._addresses is None or not address:
            return None
        network = network_of(address)
        counted = self._addresses.hit(per_minute, network)
        if counted is None:
            return self._ask_for_address(network)
        if not counted:
            raise self._too_many_from(network)
        return None

    def admission(self, principal: Principal) -> Admission | None:
        """The limits of this user for one request; None if there are none. Call enter() next.

        Requests without a key have only the limit of their address, and the operator's key none.
        """
        if principal is ANONYMOUS or principal is ADMIN:
            return None
        limits = self._effective.get(principal.limits)
        if limits is None:
            if len(self._effective) >= MAX_KEPT:
                self._effective.clear()
            limits = self._effective[principal.limits] = effective(principal.limits, self.defaults)
        return Admission(self, principal.user, limits) if limits.any else None

    def counts(self, status: int, outcome: str) -> bool:
        """Whether a request with this answer counts towards the daily quota."""
        if status >= 500 or status in _REFUSALS:
            return False
        return self.defaults.count_hits or outcome != "hit"

    def standings(self, user: str, limits: EffectiveLimits) -> list[Standing]:
        """What a user has left of each limit."""
        found = []
        if limits.rate_per_minute and self.rates is not None:
            found.append(self.rates.standing("rate", limits.rate_per_minute, user))
        if limits.concurrency:
            left = max(0, limits.concurrency - self._places[user])
            found.append(Standing("concurrency", limits.concurrency, left))
        if limits.daily_quota and self.quota is not None:
            found.append(self.quota.standing(user, limits.daily_quota))
        return found

    async def load(self) -> None:
        """Import what counts requests per minute, in a thread."""
        rates = await asyncio.to_thread(self._new_rates, "user")
        self.rates = self.rates or rates

    async def take(self, user: str, daily_quota: int) -> Lease:
        """Take one request of the daily quota."""
        assert self.quota is not None
        return self.quota.try_take(user, daily_quota) or await self.quota.take(user, daily_quota)

    def hit(self, user: str, per_minute: int) -> bool:
        """Count a request of a user; RateLimited if it has sent too many, False: ask() first."""
        assert self.rates is not None
        counted = self.rates.hit(per_minute, user)
        if counted is False:
            raise self._too_many_of(user, per_minute)
        return counted is True

    async def ask(self, user: str, per_minute: int) -> None:
        """Count a request of a user with what Redis says; RateLimited if it has sent too many."""
        assert self.rates is not None
        if not await self.rates.ask(per_minute, user):
            raise self._too_many_of(user, per_minute)

    def take_back(self, user: str, per_minute: int) -> None:
        """Undo a hit(), because the request was refused."""
        assert self.rates is not None
        self.rates.take_back(per_minute, user)

    def check_place(self, user: str, concurrency: int) -> None:
        """RateLimited if `concurrency` requests of this user are in progress."""
        if self._places[user] >= concurrency:
            raise RateLimited(
                f"{concurrency} requests with this key are in progress, which is its limit",
                CONCURRENCY_RETRY_SECONDS,
            )

    def take_place(self, user: str) -> None:
        """Count a request in progress."""
        self._places[user] += 1

    def free_place(self, user: str) -> None:
        """A request in progress has ended."""
        self._places[user] -= 1
        if self._places[user] <= 0:
            del self._places[user]

    async def run(self) -> None:
        """Watch the Redis of the link, and give back what is not used of shares, until cancelled.

        In the end, all that is not used is given back.
        """
        assert self._link is not None
        from server.users.shared_rates import IDLE_SECONDS

        watching = asyncio.ensure_future(self._link.run())
        try:
            while True:
                await asyncio.sleep(IDLE_SECONDS)
                await self._give_back(IDLE_SECONDS)
        finally:
            await self._give_back(0.0)
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)

    async def _give_back(self, idle_seconds: float) -> None:
        from server.users.shared_rates import SharedRates

        for rates in (self._addresses, self.rates):
            if isinstance(rates, SharedRates):
                await rates.give_back(idle_seconds)

    async def _ask_for_address(self, network: str) -> None:
        assert self._addresses is not None
        if not await self._addresses.ask(self.defaults.address_per_minute, network):
            raise self._too_many_from(network)

    def _too_many_from(self, network: str) -> RateLimited:
        assert self._addresses is not None
        per_minute = self.defaults.address_per_minute
        standing = self._addresses.standing("address", per_minute, network)
        return RateLimited(
            f"more than {per_minute} requests a minute from your address",
            standing.resets_in or 1,
            rate_limit_headers([standing]),
        )

    def _too_many_of(self, user: str, per_minute: int) -> RateLimited:
        assert self.rates is not None
        wait = self.rates.standing("rate", per_minute, user).resets_in or 1
        return RateLimited(f"more than {per_minute} requests a minute with this key", wait)

    def _new_rates(self, kind: str) -> RequestRates | SharedRates:
        from server.users.sliding_windows import RequestRates

        rates = RequestRates(self._clock)
        if self._link is None:
            return rates
        from server.users.shared_rates import SharedRates

        return SharedRates(self._link, kind, rates)


_REFUSALS = frozenset((401, 403, 405, 413, 429))


def network_of(address: str) -> str:
    """What is counted as one client: an IPv4 address, or the /64 network of an IPv6 address."""
    if ":" not in address:
        return address
    return socket.inet_pton(socket.AF_INET6, address.partition("%")[0])[:8].hex()
