"""A key as operators see it: everything but its secrets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal, TypedDict

from server.principal import Limits, Scope

KeyState = Literal["active", "expired", "revoked"]
UnixTime = Annotated[float, {"minimum": 0}]
UnixTimeOrNone = Annotated[float | None, {"minimum": 0}]


class SecretBody(TypedDict):
    """One of the secrets of a key, of which there are two after a rotation."""

    created_at: UnixTime
    expires_at: UnixTimeOrNone


class KeyBody(TypedDict):
    """A key; times are Unix seconds. A limit that is null is the default of the settings."""

    id: Annotated[str, {"pattern": "^[0-9A-Za-z]{8}$"}]
    label: str
    state: KeyState
    scopes: list[Scope]
    weight: float
    priority: int
    rate_per_minute: int | None
    concurrency: int | None
    max_body_mb: float | None
    daily_quota: int | None
    created_at: UnixTime
    expires_at: UnixTimeOrNone
    revoked_at: UnixTimeOrNone
    secrets: list[SecretBody]


@dataclass(frozen=True, slots=True)
class SecretRecord:
    """When a secret was made, and when it ends."""

    created_at: float
    expires_at: float | None


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """A key with its secrets, the newest first."""

    key_id: str
    label: str
    scopes: tuple[Scope, ...]
    weight: float
    priority: int
    limits: Limits
    created_at: float
    expires_at: float | None
    revoked_at: float | None
    secrets: tuple[SecretRecord, ...]

    def state(self, now: float) -> KeyState:
        """Whether it is accepted now; now: Unix time."""
        if self.revoked_at is not None:
            return "revoked"
        live = any(each.expires_at is None or now < each.expires_at for each in self.secrets)
        expired = self.expires_at is not None and now >= self.expires_at
        return "active" if live and not expired else "expired"

    def json(self, now: float) -> KeyBody:
        """The body for /admin/keys and --json; now: Unix time."""
        return {
            "id": self.key_id,
            "label": self.label,
            "state": self.state(now),
            "scopes": list(self.scopes),
            "weight": self.weight,
            "priority": self.priority,
            "rate_per_minute": self.limits.rate_per_minute,
            "concurrency": self.limits.concurrency,
            "max_body_mb": self.limits.max_body_mb,
            "daily_quota": self.limits.daily_quota,
            "created_at": self.created_at,
            "expires_at": self.expires_at,
            "revoked_at": self.revoked_at,
            "secrets": [
                {"created_at": each.created_at, "expires_at": each.expires_at}
                for each in self.secrets
            ],
        }
