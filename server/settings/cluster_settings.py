"""The settings of a cluster: what this process does in it, and the servers that connect it."""

from __future__ import annotations

from dataclasses import dataclass

from server.settings.constraints import Choice, Nullable, Number
from server.settings.declared import setting
from server.settings.secrets import Secret, SecretText

ROLES = ("all", "front", "node")


@dataclass(frozen=True, slots=True)
class ClusterSettings:
    """role: `all`: one process for everything, without a cluster.

    broker_url: of RabbitMQ or Redis. cache_url, state_url: of Redis, for what may be evicted, and
    for what may not; if one of them is None, it is the other. broker_seconds: how long images wait
    for a broker that is away.
    """

    role: str = setting(Choice(*ROLES), "all")
    broker_url: Secret | None = setting(Nullable(SecretText()), None)
    cache_url: Secret | None = setting(Nullable(SecretText()), None)
    state_url: Secret | None = setting(Nullable(SecretText()), None)
    broker_seconds: float = setting(Number(0.1, 600), 5.0)
