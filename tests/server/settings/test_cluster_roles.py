"""Which servers the roles of a cluster need, and which the role `all` would not use."""

from __future__ import annotations

import re
from typing import Any

import pytest

from server.settings.cluster import ClusterUrls, cluster_urls
from server.settings.cluster_settings import ClusterSettings
from server.settings.loading import SettingsError
from server.settings.secrets import Secret
from server.settings.settings import Settings

BROKER, CACHE, STATE = "amqp://broker//", "redis://cache/0", "redis://state/0"


def found(role: str, **urls: str) -> ClusterUrls | None:
    given: dict[str, Any] = {name: Secret(url) for name, url in urls.items()}
    return cluster_urls(Settings(cluster=ClusterSettings(role, **given)))


@pytest.mark.parametrize("role", ["front", "node"])
def test_front_ends_and_nodes_need_a_broker_and_a_redis(role: str) -> None:
    urls = {"broker_url": BROKER, "state_url": STATE}
    assert found(role, **urls) == ClusterUrls(BROKER, STATE, STATE)
    assert found(role, **urls, cache_url=CACHE) == ClusterUrls(BROKER, CACHE, STATE)
    for missing in urls:
        rest = {name: url for name, url in urls.items() if name != missing}
        message = f"cluster.{missing} is missing; the role {role} needs it"
        with pytest.raises(SettingsError, match=re.escape(message)):
            found(role, **rest)


@pytest.mark.parametrize(("name", "url"), [("broker_url", BROKER), ("cache_url", CACHE)])
def test_one_process_for_everything_refuses_servers_that_it_would_not_use(
    name: str, url: str
) -> None:
    assert found("all", state_url=STATE) is None  # for limits
    message = f"cluster.{name} needs the role front or node (cluster.role)"
    with pytest.raises(SettingsError, match=re.escape(message)):
        found("all", state_url=STATE, **{name: url})
