"""How a request stands to its limits, and the headers that say so."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

CONCURRENT = "concurrent-requests"


@dataclass(frozen=True, slots=True)
class Standing:
    """One limit: `quota` requests in `window` seconds, of which `left` may still come.

    resets_in: seconds until there is more. A limit on concurrent requests has neither.
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
    for each in standings:
        unit = f';qu="{CONCURRENT}"' if each.window is None else f";w={each.window}"
        resets = "" if each.resets_in is None else f";t={each.resets_in}"
        policies.append(f'"{each.name}";q={each.quota}{unit}')
        limits.append(f'"{each.name}";r={each.left}{resets}')
    return {"RateLimit-Policy": ", ".join(policies), "RateLimit": ", ".join(limits)}


def whole_seconds(seconds: float) -> int:
    """Seconds for a header: rounded up, at least 1."""
    return max(1, math.ceil(seconds))
