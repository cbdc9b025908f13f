"""What a user or address has left of its limits, and the headers that say so."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import NamedTuple

CONCURRENT = "concurrent-requests"


class Standing(NamedTuple):
    """One limit: `quota` requests in `window` seconds, of which `left` may still come.

    resets_in: seconds until there is more. Window and resets_in are None for
    a limit on concurrent requests.
    """

    name: str
    quota: int
    left: int
    window: int | None = None
    resets_in: int | None = None


def rate_limit_headers(standings: Sequence[Standing]) -> dict[str, str]:
    """RateLimit-Policy and RateLimit as in draft-ietf-httpapi-ratelimit-headers-11.

    Both are lists of structured fields (RFC 9651): strings with parameters.
    """
    if not standings:
        return {}
    policies, limits = [], []
    for name, quota, left, window, resets_in in standings:
        policies.append(_policy(name, quota, window))
        limits.append(
            f'"{name}";r={left}' if resets_in is None else f'"{name}";r={left};t={resets_in}'
        )
    return {"RateLimit-Policy": ", ".join(policies), "RateLimit": ", ".join(limits)}


@functools.lru_cache(maxsize=256)
def _policy(name: str, quota: int, window: int | None) -> str:
    unit = f'qu="{CONCURRENT}"' if window is None else f"w={window}"
    return f'"{name}";q={quota};{unit}'


def whole_seconds(seconds: float) -> int:
    """Seconds for a header: rounded up, at least 1."""
    return max(1, math.ceil(seconds))
