"""What servers share in Redis, from the settings."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

from server.settings.loading import SettingsError
from server.settings.settings import Settings

if TYPE_CHECKING:
    from ocr_cluster.redis_link import RedisLink

INSTALL = "install it with: pip install --require-hashes -r requirements/cluster.txt"


def state_link(settings: Settings) -> RedisLink | None:
    """The link to the Redis of cluster.state_url; None without that setting.

    SettingsError if the package redis is not installed.
    """
    url = settings.cluster.state_url
    if url is None:
        return None
    if importlib.util.find_spec("redis") is None:
        raise SettingsError(f"cluster.state_url needs the package redis; {INSTALL}")
    from ocr_cluster.redis_link import RedisLink  # costs nothing while it is off

    return RedisLink(url.reveal(), "cluster.state_url")
