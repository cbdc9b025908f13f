"""The settings of a cluster: what this process does in it, and the servers that connect it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from server.settings.constraints import Choice, Nullable, Number
from server.settings.declared import setting
from server.settings.secrets import Secret, SecretText

REDIS_SCHEMES = ("redis", "rediss", "unix")
BROKER_SCHEMES = ("amqp", "amqps", "redis", "rediss")


@dataclass(frozen=True, slots=True)
class ServerUrl(SecretText):
    """The URL of a server, with one of these schemes; it may have a password."""

    schemes: tuple[str, ...]
    example: str

    def __call__(self, value: Any) -> Secret:
        """See Constraint; the message must not contain the value."""
        secret = SecretText.__call__(self, value)
        try:
            parts = urlsplit(secret.reveal())
            accepted = parts.scheme in self.schemes and parts.port != 0
        except ValueError:  # the port
            accepted = False
        if not accepted:
            raise ValueError(f"expected a URL such as {self.example}")
        return secret


REDIS = ServerUrl(REDIS_SCHEMES, "redis://:PASSWORD@HOST:6379/0, or rediss://")
BROKER = ServerUrl(BROKER_SCHEMES, "amqp://USER:PASSWORD@HOST/VHOST, or redis://HOST:6379/0")


@dataclass(frozen=True, slots=True)
class ClusterSettings:
    """role: `all`: one process for everything, without a cluster.

    state_url: the Redis for what must not be evicted, in which servers also count requests
    together. cache_url: the Redis for results; None: the same. broker_seconds: how long images
    wait for a broker that is away.
    """

    role: str = setting(Choice("all", "front", "node"), "all")
    broker_url: Secret | None = setting(Nullable(BROKER), None)
    cache_url: Secret | None = setting(Nullable(REDIS), None)
    state_url: Secret | None = setting(Nullable(REDIS), None)
    broker_seconds: float = setting(Number(0.1, 600), 5.0)
