"""The user of a request. Without keys, all requests have the same user."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ocr_engine.engine import ANONYMOUS_USER, Turn

Scope = Literal["read", "jobs", "filename", "metrics", "admin"]

ALL_BUT_ADMIN: frozenset[Scope] = frozenset(("read", "jobs", "filename"))  # read includes metrics


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one user; None: the default in the settings."""

    rate_per_minute: int | None = None
    concurrency: int | None = None
    max_body_mb: float | None = None
    daily_quota: int | None = None


@dataclass(frozen=True, slots=True)
class Principal:
    """The user to whom a request is counted, and what that user may do.

    user: the id of the key, `anonymous`, or `admin` for the key in the settings; jobs, usage and
    kept results are filed under it. weight: the share of the workers, relative to other users.
    priority: higher is served first, among the requests of this user.
    """

    user: str
    scopes: frozenset[Scope] = ALL_BUT_ADMIN
    weight: float = 1.0
    priority: int = 0
    limits: Limits = Limits()

    def may(self, needed: Scope) -> bool:
        """Whether the scopes allow this; `read` also allows what `metrics` does."""
        return needed in self.scopes or (needed == "metrics" and "read" in self.scopes)

    def turn(self, priority: int = 0, background: bool = False) -> Turn:
        """The turn of an image of this user; background: nobody waits for it."""
        return Turn(self.user, self.weight, self.priority + priority, background)


ANONYMOUS = Principal(ANONYMOUS_USER)
STORAGE_USER = "storage"  # of objects that no request names; no key has this id
ADMIN = Principal("admin", ALL_BUT_ADMIN | {"admin"})
