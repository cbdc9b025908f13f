"""What servers share, from the settings: Redis, and the broker of a cluster."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from server.settings.loading import SettingsError
from server.settings.settings import Settings

if TYPE_CHECKING:
    from ocr_cluster.redis_link import RedisLink

INSTALL = "install it with: pip install --require-hashes -r requirements/cluster.txt"


@dataclass(frozen=True, slots=True)
class ClusterUrls:
    """The URLs of the servers that front ends and nodes share; they may contain passwords."""

    broker: str
    cache: str
    state: str


def state_link(settings: Settings) -> RedisLink | None:
    """The link to the Redis of cluster.state_url; None without that setting.

    SettingsError if the package redis is not installed.
    """
    url = settings.cluster.state_url
    if url is None:
        return None
    _require("redis", "cluster.state_url")
    from ocr_cluster.redis_link import RedisLink  # costs nothing while it is off

    return RedisLink(url.reveal(), "cluster.state_url")


def cluster_urls(settings: Settings) -> ClusterUrls | None:
    """The servers that connect front ends and nodes; None for the role `all`.

    SettingsError if one is missing, or a package; and for the role `all` if there is one that it
    would not use.
    """
    cluster = settings.cluster
    if cluster.role == "all":
        for name, url in (("broker_url", cluster.broker_url), ("cache_url", cluster.cache_url)):
            if url is not None:
                raise SettingsError(f"cluster.{name} needs the role front or node (cluster.role)")
        return None
    if settings.remote.sets:
        raise SettingsError(f"remote.sets needs the role all; cluster.role is {cluster.role}")
    for name, url in (("broker_url", cluster.broker_url), ("state_url", cluster.state_url)):
        if url is None:
            raise SettingsError(f"cluster.{name} is missing; the role {cluster.role} needs it")
    for package in ("redis", "kombu", *(("celery",) if cluster.role == "node" else ())):
        _require(package, f"cluster.role = {cluster.role}")
    assert cluster.broker_url is not None
    assert cluster.state_url is not None
    state = cluster.state_url.reveal()
    cache = state if cluster.cache_url is None else cluster.cache_url.reveal()
    return ClusterUrls(cluster.broker_url.reveal(), cache, state)


def _require(package: str, setting: str) -> None:
    if package not in sys.modules and importlib.util.find_spec(package) is None:
        raise SettingsError(f"{setting} needs the package {package}; {INSTALL}")
