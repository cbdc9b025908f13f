"""The servers of a cluster, from the settings."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from server.settings.loading import SettingsError
from server.settings.secrets import Secret
from server.settings.settings import Settings

_BROKERS = ("amqp", "amqps", "redis", "rediss")
_REDIS = ("redis", "rediss")


@dataclass(frozen=True, slots=True)
class ClusterUrls:
    """The URLs of the servers that front ends and nodes share; they may contain passwords."""

    broker: str
    cache: str
    state: str


def cluster_urls(settings: Settings) -> ClusterUrls | None:
    """The servers of the cluster; None for the role `all`.

    SettingsError if one is missing, or is of no known kind; the message does not contain the URL.
    """
    cluster = settings.cluster
    if cluster.role == "all":
        return None
    state, cache = cluster.state_url or cluster.cache_url, cluster.cache_url or cluster.state_url
    return ClusterUrls(
        broker=_checked("broker_url", cluster.broker_url, cluster.role, _BROKERS),
        cache=_checked("cache_url", cache, cluster.role, _REDIS),
        state=_checked("state_url", state, cluster.role, _REDIS),
    )


def _checked(name: str, url: Secret | None, role: str, schemes: tuple[str, ...]) -> str:
    if url is None:
        raise SettingsError(f"cluster.{name} is missing; the role {role} needs it")
    text = url.reveal()
    try:
        parts = urlsplit(text)
        known = parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:
        known = False
    if not known:
        expected = " or ".join(f"{scheme}://" for scheme in schemes)
        raise SettingsError(f"cluster.{name} = ***: expected a URL of {expected} with a host")
    return text
