"""The limits of client addresses and of users: requests per minute, concurrency, daily quota.

An address is checked before the key is looked up, and the limits of a user when the user is known.
Both happen before the body is read.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING

from server.errors import QuotaExceeded, RateLimited, StorageUnavailable
from server.principal import ADMIN, ANONYMOUS, Limits, Principal
from server.users.effective_limits import DefaultLimits, EffectiveLimits, effective
from server.users.standing import Standing, rate_limit_headers

if TYPE_CHECKING:
    from server.users.lease_book import Lease
    from server.users.quota import Quota
    from server.users.sliding_windows import RequestRates

CONCURRENCY_RETRY_SECONDS = 1
MAX_KEPT = 1000  # combinations of limits


class Admission:
    """What one request takes of its user's limits, until it ends."""

    __slots__ = ("_leases", "_limiter", "_place", "_settled", "limits", "user")

    def __init__(self, limiter: Limiter, user: str, limits: EffectiveLimits) -> None:
        self.user = user
        self.limits = limits
        self._limiter = limiter
        self._leases: list[Lease] = []
        self._place = False
        self._settled = False

    def settle(self, status: int, outcome: str, replayed: bool = False) -> None:
        """Decide by the answer, before it is sent, whether the request counts for the daily quota.

        outcome: of the cache. replayed: the answer is that of an earlier request.
        """
        if not self._settled:
            self._settled = True
            counts = not replayed and self._limiter.counts(status, outcome)
            for lease in self._leases:
                if counts:
                    lease.spend()
                else:
                    lease.credit()

    def leave(self) -> None:
        """End the request; it counts if its client left before the answer."""
        self.settle(200, "")
        if self._place:
            self._place = False
            self._limiter.free_place(self.user)

    async def take_more(self, number: int) -> None:
        """Take more of the daily quota, for a request with several images; all or none."""
        if self.limits.daily_quota and self._limiter.quota is not None:
            taken: list[Lease] = []
            try:
                for _ in range(number):
                    taken.append(await self._limiter.take(self.user, self.limits.daily_quota))
            except (QuotaExceeded, StorageUnavailable):
                for lease in taken:
                    lease.credit()
                raise
            self._leases += taken
            if self._settled:  # the client has left meanwhile
                for lease in taken:
                    lease.credit()

    def give_back(self, answers: Iterable[tuple[int, str]]) -> None:
        """Give back what was taken for images whose answers (status, outcome) do not count."""
        for status, outcome in answers:
            if self._leases and not self._limiter.counts(status, outcome):
                self._leases.pop().credit()

    def headers(self) -> dict[str, str]:
        """The headers that tell the client what is left of its limits."""
        return rate_limit_headers(self._limiter.standings(self.user, self.limits))

    def enter(self, recognition: bool) -> Awaitable[None] | None:
        """Check the limits and take what the request needs; RateLimited or QuotaExceeded.

        Returns an awaitable only if the database must be asked.
        """
        limits, limiter = self.limits, self._limiter
        if limits.rate_per_minute and limiter.rates is None:
            return self._enter_later(recognition)
        if recognition and limits.concurrency:
            limiter.check_place(self.user, limits.concurrency)
        if limits.rate_per_minute:
            limiter.hit(self.user, limits.rate_per_minute)
        if recognition and limits.concurrency:
            limiter.take_place(self.user)
            self._place = True
        if recognition and limits.daily_quota and limiter.quota is not None:
            lease = limiter.quota.try_take(self.user, limits.daily_quota)
            if lease is None:
                return self._take()
            self._leases.append(lease)
        return None

    async def _enter_later(self, recognition: bool) -> None:
        await self._limiter.load()
        if self._settled:  # the client has left meanwhile
            return
        waiting = self.enter(recognition)
        if waiting is not None:
            await waiting

    async def _take(self) -> None:
        try:
            lease = await self._limiter.take(self.user, self.limits.daily_quota)
        except (QuotaExceeded, StorageUnavailable):
            if self.limits.rate_per_minute:  # a refused request does not count
                self._limiter.take_back(self.user, self.limits.rate_per_minute)
            raise
        self._leases.append(lease)
        if self._settled:  # the client has left meanwhile
            lease.credit()


class Limiter:
    """Knows what addresses and users have used of their limits."""

    def __init__(
        self,
        defaults: DefaultLimits,
        quota: Quota | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.defaults = defaults
        self.quota = quota
        self.rates: RequestRates | None = None
        self._addresses: RequestRates | None = None
        self._clock = clock
        self._places: Counter[str] = Counter()
        self._effective: dict[Limits, EffectiveLimits] = {}

    def prepare(self) -> None:
        """Import what counts requests per minute, if the settings have such a limit."""
        if self.defaults.address_per_minute:
            self._addresses = self._new_rates()
        if self.defaults.rate_per_minute:
            self.rates = self._new_rates()

    def check_address(self, address: str) -> None:
        """Count a request of this address; RateLimited if it has sent too many.

        A Unix socket has no address, and no limit.
        """
        per_minute = self.defaults.address_per_minute
        if self._addresses is None or not address:
            return
        network = network_of(address)
        if not self._addresses.hit(per_minute, network):
            standing = self._addresses.standing("address", per_minute, network)
            raise RateLimited(
                f"more than {per_minute} requests a minute from your address",
                standing.resets_in or 1,
                rate_limit_headers([standing]),
            )

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
        rates = await asyncio.to_thread(self._new_rates)
        self.rates = self.rates or rates

    async def take(self, user: str, daily_quota: int) -> Lease:
        """Take one request of the daily quota."""
        assert self.quota is not None
        return self.quota.try_take(user, daily_quota) or await self.quota.take(user, daily_quota)

    def hit(self, user: str, per_minute: int) -> None:
        """Count a request of a user; RateLimited if it has sent too many."""
        assert self.rates is not None
        if not self.rates.hit(per_minute, user):
            wait = self.rates.standing("rate", per_minute, user).resets_in or 1
            raise RateLimited(f"more than {per_minute} requests a minute with this key", wait)

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

    def _new_rates(self) -> RequestRates:
        from server.users.sliding_windows import RequestRates

        return RequestRates(self._clock)


_REFUSALS = frozenset((401, 403, 405, 413, 429))


def network_of(address: str) -> str:
    """What is counted as one client: an IPv4 address, or the /64 network of an IPv6 address."""
    if ":" not in address:
        return address
    return socket.inet_pton(socket.AF_INET6, address.partition("%")[0])[:8].hex()
