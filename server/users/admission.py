"""What one request takes of the limits of its user."""

from __future__ import annotations

from collections.abc import Awaitable, Iterable
from typing import TYPE_CHECKING

from server.errors import QuotaExceeded, RateLimited, StorageUnavailable
from server.users.effective_limits import EffectiveLimits
from server.users.standing import rate_limit_headers

if TYPE_CHECKING:
    from server.users.lease_book import Lease
    from server.users.limits import Limiter


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

        outcome: what the cache did (hit, joined or miss; empty if it was not used). replayed: the
        answer is that of an earlier request.
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

        Returns an awaitable only if the database or Redis must be asked.
        """
        limits, limiter = self.limits, self._limiter
        if limits.rate_per_minute and limiter.rates is None:
            return self._enter_later(recognition)
        if recognition and limits.concurrency:
            limiter.check_place(self.user, limits.concurrency)
        if limits.rate_per_minute and not limiter.hit(self.user, limits.rate_per_minute):
            return self._enter_when_counted(recognition)
        return self._enter_counted(recognition)

    def _enter_counted(self, recognition: bool) -> Awaitable[None] | None:
        """Take what a request needs that is counted and may have a place."""
        limits, limiter = self.limits, self._limiter
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

    async def _enter_when_counted(self, recognition: bool) -> None:
        """Enter after the other front ends were asked, by way of Redis."""
        limits, limiter = self.limits, self._limiter
        await limiter.ask(self.user, limits.rate_per_minute)
        if self._settled:  # the client has left meanwhile
            return
        if recognition and limits.concurrency:
            try:
                limiter.check_place(self.user, limits.concurrency)
            except RateLimited:  # a refused request does not count
                limiter.take_back(self.user, limits.rate_per_minute)
                raise
        waiting = self._enter_counted(recognition)
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
