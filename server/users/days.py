"""Days in the time zone of the quota."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, tzinfo
from datetime import time as time_of_day


class Days:
    """Tells the day; midnight is computed once a day. clock: Unix time."""

    def __init__(self, zone: tzinfo = UTC, clock: Callable[[], float] = time.time) -> None:
        self._zone = zone
        self._clock = clock
        self._day = ""
        self._begins = self._ends = 0.0

    @property
    def zone(self) -> str:
        """The name of the time zone."""
        return str(self._zone)

    def today(self) -> str:
        """The date as YYYY-MM-DD."""
        now = self._clock()
        if not self._begins <= now < self._ends:
            self._turn(now)
        return self._day

    def of(self, moment: float) -> str:
        """The date of a moment in Unix time, as YYYY-MM-DD."""
        return datetime.fromtimestamp(moment, self._zone).date().isoformat()

    def seconds_left(self) -> float:
        """Seconds until midnight."""
        self.today()
        return self._ends - self._clock()

    def _turn(self, now: float) -> None:
        day = datetime.fromtimestamp(now, self._zone).date()
        self._day = day.isoformat()
        self._begins = self._midnight(day)
        self._ends = self._midnight(day + timedelta(days=1))

    def _midnight(self, day: date) -> float:
        return datetime.combine(day, time_of_day.min, self._zone).timestamp()
