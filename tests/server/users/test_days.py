"""Days begin at midnight of the time zone."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from server.settings.time_zones import time_zone
from server.users.days import Days


def unix(*parts: int) -> float:
    return datetime(*parts, tzinfo=UTC).timestamp()  # type: ignore[arg-type, misc]


def test_a_day_ends_at_midnight_of_its_zone() -> None:
    now = [unix(2026, 11, 29, 15, 59, 59)]
    days = Days(ZoneInfo("Asia/Shanghai"), lambda: now[0])
    assert days.today() == "2026-11-29" and days.seconds_left() == 1
    now[0] += 1
    assert days.today() == "2026-11-30" and days.seconds_left() == 86_400
    now[0] -= 2  # the clock was set back
    assert days.today() == "2026-11-29" and days.seconds_left() == 2


@pytest.mark.parametrize(
    ("now", "hours"), [((2026, 3, 28, 23), 23), ((2026, 10, 24, 22), 25), ((2026, 7, 1, 22), 24)]
)
def test_days_of_23_and_25_hours(now: tuple[int, ...], hours: int) -> None:
    days = Days(ZoneInfo("Europe/Berlin"), lambda: unix(*now))
    assert days.seconds_left() == hours * 3600


def test_utc_needs_no_files_of_time_zones() -> None:
    assert time_zone("UTC") is UTC


@pytest.mark.parametrize("name", ["", "Mars/Olympus", "../etc/passwd", "/etc/localtime", "a\0b"])
def test_an_unknown_zone_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="expected UTC or a time zone"):
        time_zone(name)
