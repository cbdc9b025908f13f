"""Requests per minute by a sliding window, for at most MAX_KEPT addresses or users.

The storage has the interface of the library `limits`, so that another storage of that library could
replace it. The library's own memory storage starts a thread every 10 ms while it is used, keeps
every address of the last two minutes, and cannot be given a clock. With 300,000 addresses, it took
95 MB and paused for 0.1 s. This module is imported when a limit is used.
"""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable

from limits import RateLimitItemPerMinute
from limits.storage.base import SlidingWindowCounterSupport, Storage
from limits.strategies import SlidingWindowCounterRateLimiter

from server.users.standing import Standing

WINDOW_SECONDS = 60
MAX_KEPT = 50_000


class BoundedStorage(Storage, SlidingWindowCounterSupport):
    """Counts of the present and the previous window; the least recently used are dropped.

    A key that is dropped begins again with a whole limit.
    """

    STORAGE_SCHEME = None

    def __init__(self, clock: Callable[[], float] = time.time, most: int = MAX_KEPT) -> None:
        super().__init__()
        self._clock = clock
        self._most = most
        self._counts: OrderedDict[str, tuple[int, int, int]] = OrderedDict()

    def __len__(self) -> int:
        """How many keys are kept."""
        return len(self._counts)

    @property
    def base_exceptions(self) -> type[Exception]:
        """See Storage."""
        return ValueError

    def acquire_sliding_window_entry(
        self, key: str, limit: int, expiry: int, amount: int = 1
    ) -> bool:
        """See SlidingWindowCounterSupport."""
        window, previous, current = self._find(key, expiry)
        passed = self._clock() / expiry - window
        if math.floor(previous * (1 - passed) + current) + amount > limit:
            if key in self._counts:  # who keeps asking is not forgotten
                self._counts.move_to_end(key)
            return False
        self._put(key, (window, previous, current + amount))
        return True

    def get_sliding_window(self, key: str, expiry: int) -> tuple[int, float, int, float]:
        """See SlidingWindowCounterSupport."""
        window, previous, current = self._find(key, expiry)
        ends = (window + 1) * expiry - self._clock()
        return previous, ends if previous else 0.0, current, ends + expiry

    def take_back(self, key: str, expiry: int) -> None:
        """Forget one entry."""
        window, previous, current = self._find(key, expiry)
        if current:
            self._put(key, (window, previous, current - 1))

    def clear_sliding_window(self, key: str, expiry: int) -> None:
        """See SlidingWindowCounterSupport."""
        self.clear(key)

    def clear(self, key: str) -> None:
        """See Storage."""
        self._counts.pop(key, None)

    def reset(self) -> int:
        """See Storage."""
        number = len(self._counts)
        self._counts.clear()
        return number

    def check(self) -> bool:
        """See Storage."""
        return True

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Not used: there are no fixed windows."""
        raise NotImplementedError

    def get(self, key: str) -> int:
        """Not used: there are no fixed windows."""
        raise NotImplementedError

    def get_expiry(self, key: str) -> float:
        """Not used: there are no fixed windows."""
        raise NotImplementedError

    def _find(self, key: str, expiry: int) -> tuple[int, int, int]:
        """The number of the present window, and the counts of the previous and this one."""
        present = int(self._clock() // expiry)
        window, previous, current = self._counts.get(key, (present, 0, 0))
        if window == present:
            return present, previous, current
        return present, current if window == present - 1 else 0, 0

    def _put(self, key: str, counts: tuple[int, int, int]) -> None:
        self._counts[key] = counts
        self._counts.move_to_end(key)
        if len(self._counts) > self._most:
            self._counts.popitem(last=False)


class RequestRates:
    """Counts the requests of addresses or users against a limit per minute."""

    def __init__(self, clock: Callable[[], float] = time.time, most: int = MAX_KEPT) -> None:
        self._storage = BoundedStorage(clock, most)
        self._limiter = SlidingWindowCounterRateLimiter(self._storage)
        self._items: dict[int, RateLimitItemPerMinute] = {}

    def __len__(self) -> int:
        """How many addresses or users are kept."""
        return len(self._storage)

    def hit(self, per_minute: int, who: str) -> bool:
        """Count a request; False, without counting it, if the limit is reached."""
        return self._limiter.hit(self._item(per_minute), who)

    async def ask(self, per_minute: int, who: str) -> bool:
        """The same, for those who must ask others first; here there is nobody to ask."""
        return self.hit(per_minute, who)

    def take_back(self, per_minute: int, who: str) -> None:
        """Forget a request that was refused for another reason."""
        self._storage.take_back(self._item(per_minute).key_for(who), WINDOW_SECONDS)

    def standing(self, name: str, per_minute: int, who: str) -> Standing:
        """What is left of the limit, and the seconds until there is more."""
        key = self._item(per_minute).key_for(who)
        previous, _, current, ends = self._storage.get_sliding_window(key, WINDOW_SECONDS)
        return standing_of(name, per_minute, (previous, current), ends - WINDOW_SECONDS)

    def _item(self, per_minute: int) -> RateLimitItemPerMinute:
        item = self._items.get(per_minute)
        if item is None:
            if len(self._items) > 1000:
                self._items.clear()
            item = self._items[per_minute] = RateLimitItemPerMinute(per_minute)
        return item


def standing_of(name: str, per_minute: int, counts: tuple[int, int], seconds: float) -> Standing:
    """How many requests are left. counts: of the previous and the current window.

    seconds: time left in the current window.
    """
    previous, current = counts
    used = math.floor(previous * seconds / WINDOW_SECONDS + current)
    left = max(0, per_minute - used)
    until_more = _until_more(per_minute if left == 0 else used, previous, current, seconds)
    return Standing(name, per_minute, left, WINDOW_SECONDS, until_more)


def _until_more(below: int, previous: int, current: int, seconds: float) -> int:
    """Seconds until the weighted count is below this number; seconds: left of the window."""
    if below <= 0:
        return 0
    if current < below:  # the weight of the previous window falls during this one
        wait = seconds - (below - current) * WINDOW_SECONDS / previous if previous else 0.0
    else:  # the present window must become the previous one
        wait = seconds + (1 - below / current) * WINDOW_SECONDS
    return max(1, math.floor(wait) + 1)
