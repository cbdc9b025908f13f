"""What is posted when: once per problem, once when it is over, never too often."""

from __future__ import annotations

import asyncio
import logging

import pytest

from server.alerts.formats import Alert
from server.alerts.watch import QUIET_SECONDS, RETRY_SECONDS, Watch, build_watch
from server.outbound.http_exchange import ExchangeError
from server.settings.operation_settings import AlertSettings
from server.settings.settings import Settings
from tests.server.alerts.test_conditions import stats


class Given:
    """A condition that is as the test says."""

    kind = "disk"
    recovered = "all is well"

    def __init__(self) -> None:
        self.wrong: str | OSError | None = None

    def problem(self, now: float, told: bool) -> str | None:
        if isinstance(self.wrong, OSError):
            raise self.wrong
        return self.wrong


class Watched:
    """A watch of one condition; steps of the clock, and what was posted."""

    def __init__(self) -> None:
        self.now = 0.0
        self.condition = Given()
        self.posted: list[tuple[str, str]] = []
        self.failing = False
        self.watch = Watch([self.condition], self._post, lambda: self.now)

    async def _post(self, alert: Alert) -> None:
        if self.failing:
            raise ExchangeError("no connection")
        self.posted.append((alert.state, alert.message))

    def after(self, seconds: float, wrong: str | OSError | None) -> list[tuple[str, str]]:
        """What is posted after this time, if the condition is then so."""
        self.now += seconds
        self.condition.wrong = wrong
        self.posted.clear()
        asyncio.run(self.watch.look())
        return list(self.posted)


def test_a_problem_is_posted_once_and_once_when_it_is_over() -> None:
    watched = Watched()
    assert watched.after(5, None) == []
    assert watched.after(5, "1 MiB left") == [("problem", "1 MiB left")]
    assert watched.after(5, "0 MiB left") == []
    assert watched.after(5 * QUIET_SECONDS, "0 MiB left") == []
    assert watched.after(5, None) == [("recovered", "all is well")]
    assert watched.after(5, None) == []


def test_a_problem_that_comes_and_goes_is_posted_once_in_ten_minutes() -> None:
    watched = Watched()
    assert len(watched.after(0, "bad")) == 1
    assert len(watched.after(5, None)) == 1
    for _ in range(50):
        assert watched.after(5, "bad") == []
        assert watched.after(5, None) == []
    assert watched.after(QUIET_SECONDS - 506, "bad") == []
    assert watched.after(1, "bad") == [("problem", "bad")]


@pytest.mark.faults(92)
def test_a_failed_post_is_logged_once_and_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "server.alerts")
    watched = Watched()
    watched.failing = True
    for _ in range(5):
        watched.after(RETRY_SECONDS, "bad")
    assert caplog.messages == ["an alert (disk) could not be posted: no connection"]
    watched.failing = False
    assert watched.after(RETRY_SECONDS - 1, "bad") == []
    assert watched.after(1, "bad") == [("problem", "bad")]
    watched.failing = True
    watched.after(5, None)
    assert len(caplog.messages) == 2  # it had worked meanwhile


def test_a_disk_that_cannot_be_asked_is_a_problem() -> None:
    watched = Watched()
    posted = watched.after(0, OSError(5, "Input/output error"))
    assert posted == [("problem", "cannot be checked: Input/output error")]


def test_the_settings_switch_conditions_off() -> None:
    off = Settings(alerts=AlertSettings(error_percent=0, min_disk_mb=0, min_memory_mb=0))
    found = [
        build_watch(settings, stats, lambda: (0, 0), {})._told for settings in (Settings(), off)
    ]
    assert [list(kinds) for kinds in found] == [
        ["workers", "ready", "queue", "errors", "disk", "memory"],
        ["workers", "ready", "queue"],
    ]
