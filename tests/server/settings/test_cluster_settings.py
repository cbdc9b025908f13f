"""The settings of what several servers share."""

from __future__ import annotations

import pytest

from server.settings.cluster import state_link
from server.settings.loading import SettingsError, build
from server.settings.settings import Settings


def settings(url: str) -> Settings:
    return build(Settings, {"cluster": {"state_url": url}}, "")  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    "url", ["redis://127.0.0.1:6379/0", "rediss://:a%20word@redis.example.org", "unix:///run/redis"]
)
def test_the_url_of_a_redis_is_accepted(url: str) -> None:
    link = state_link(settings(url))
    assert link is not None and link.state == "closed"


@pytest.mark.parametrize(
    "url",
    ["redis", "http://:hidden@redis:6379", "redis://:hidden@redis:port", "redis://redis:99999", ""],
)
def test_another_url_is_refused_without_being_shown(url: str) -> None:
    with pytest.raises(SettingsError, match=r"cluster\.state_url") as refused:
        settings(url)
    assert "hidden" not in str(refused.value)


def test_nothing_is_shared_without_the_setting() -> None:
    assert state_link(Settings()) is None
