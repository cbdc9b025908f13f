"""The limits that apply to a user: the key's own, or else the defaults."""

from __future__ import annotations

from dataclasses import dataclass

from server.principal import Limits

MEGABYTE = 1 << 20


@dataclass(frozen=True, slots=True)
class DefaultLimits:
    """The limits of addresses, and of keys without their own limits; 0: no limit.

    count_hits: whether cached answers count towards the daily quota.
    """

    address_per_minute: int = 0
    rate_per_minute: int = 0
    concurrency: int = 0
    max_body_mb: float = 0.0
    daily_quota: int = 0
    count_hits: bool = True


@dataclass(frozen=True, slots=True)
class EffectiveLimits:
    """The limits of a user; 0: none. max_body_bytes: of the body of one request."""

    rate_per_minute: int
    concurrency: int
    max_body_bytes: int
    daily_quota: int

    @property
    def any(self) -> bool:
        """Whether there is a limit."""
        return bool(
            self.rate_per_minute or self.concurrency or self.max_body_bytes or self.daily_quota
        )


def effective(own: Limits, defaults: DefaultLimits) -> EffectiveLimits:
    """A key's own limits, and the defaults where it has none."""

    def chosen(value: float | None, default: float) -> float:
        return default if value is None else value

    return EffectiveLimits(
        int(chosen(own.rate_per_minute, defaults.rate_per_minute)),
        int(chosen(own.concurrency, defaults.concurrency)),
        int(chosen(own.max_body_mb, defaults.max_body_mb) * MEGABYTE),
        int(chosen(own.daily_quota, defaults.daily_quota)),
    )
