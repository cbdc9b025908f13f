"""The settings of what several servers share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from server.settings.constraints import Nullable
from server.settings.declared import setting
from server.settings.secrets import Secret, SecretText

REDIS_SCHEMES = ("redis", "rediss", "unix")


@dataclass(frozen=True, slots=True)
class RedisUrl(SecretText):
    """The URL of a Redis server; it may have a password."""

    def __call__(self, value: Any) -> Secret:
        """See Constraint; the message must not contain the value."""
        secret = SecretText.__call__(self, value)
        try:
            parts = urlsplit(secret.reveal())
            accepted = parts.scheme in REDIS_SCHEMES and parts.port != 0
        except ValueError:  # the port
            accepted = False
        if not accepted:
            raise ValueError("expected a URL such as redis://:PASSWORD@HOST:6379/0, or rediss://")
        return secret


@dataclass(frozen=True, slots=True)
class ClusterSettings:
    """What several servers share. state_url: the Redis in which they count requests together."""

    state_url: Secret | None = setting(Nullable(RedisUrl()), None)
