"""Checks the conditions every few seconds, and posts when a problem begins or ends."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ocr_engine.engine import EngineStats
from ocr_engine.memory import available_mb
from server.alerts.conditions import (
    Condition,
    DiskLow,
    ErrorRate,
    MemoryLow,
    NoReadyWorker,
    QueueFull,
    WorkerDeaths,
)
from server.alerts.formats import Alert, State
from server.alerts.post import check_url, post_alert
from server.outbound.http_exchange import ExchangeError
from server.settings.settings import Settings

log = logging.getLogger("server.alerts")

CHECK_SECONDS = 5.0
QUIET_SECONDS = 600.0  # after an alert, for others of its kind
RETRY_SECONDS = 60.0

Post = Callable[[Alert], Awaitable[None]]


@dataclass(slots=True)
class _Told:
    """What the operator knows of one condition.

    quiet_until: before this time, no new problem is posted. retry_at: before this time, nothing is
    posted, because a post failed.
    """

    problem: bool = False
    quiet_until: float = float("-inf")
    retry_at: float = float("-inf")


class Watch:
    """Background work: posts an alert for each problem and one when it is over.

    clock: seconds, for the intervals. post: raises ExchangeError.
    """

    def __init__(
        self,
        conditions: Sequence[Condition],
        post: Post,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._conditions = conditions
        self._post = post
        self._clock = clock
        self._told = {condition.kind: _Told() for condition in conditions}
        self._failing = False

    async def run(self) -> None:
        """Look every few seconds, until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(CHECK_SECONDS)

    async def look(self) -> None:
        """Look once at each condition, and post what is new."""
        for condition in self._conditions:
            told, now = self._told[condition.kind], self._clock()
            try:
                problem = condition.problem(now, told.problem)
            except OSError as error:  # of a disk; the other conditions still count
                problem = f"cannot be checked: {error.strerror}"
            if told.problem == (problem is not None) or now < told.retry_at:
                continue
            if problem is not None and now < told.quiet_until:
                continue
            state: State = "recovered" if problem is None else "problem"
            if not await self._sent(condition.kind, state, problem or condition.recovered):
                told.retry_at = now + RETRY_SECONDS
                continue
            told.problem = problem is not None
            if told.problem:
                told.quiet_until = now + QUIET_SECONDS

    async def _sent(self, kind: str, state: State, message: str) -> bool:
        try:
            await self._post(new_alert(kind, state, message))
        except ExchangeError as error:
            if not self._failing:
                log.warning("an alert (%s) could not be posted: %s", kind, error)
            self._failing = True
            return False
        self._failing = False
        return True


def new_alert(kind: str, state: State, message: str) -> Alert:
    """An alert of this machine, now."""
    return Alert(kind, state, message, socket.gethostname(), time.time())


def build_watch(
    settings: Settings,
    stats: Callable[[], EngineStats],
    outcomes: Callable[[], tuple[int, int]],
    folders: Mapping[str, Path],
) -> Watch:
    """The watch of these settings; SettingsError if alerts.webhook is not a URL.

    outcomes: see Metrics.outcomes(). folders: see watched_folders().
    """
    alerts = settings.alerts
    check_url(alerts)
    wait = settings.ocr.process.queue_timeout_seconds
    conditions: list[Condition] = [
        WorkerDeaths(stats, alerts.after),
        NoReadyWorker(stats),
        QueueFull(stats, wait, alerts.queue_seconds),
    ]
    if alerts.error_percent:
        conditions.append(ErrorRate(outcomes, alerts.error_percent))
    if alerts.min_disk_mb:
        conditions.append(DiskLow(folders, alerts.min_disk_mb))
    if alerts.min_memory_mb:
        conditions.append(MemoryLow(available_mb, alerts.min_memory_mb))
    return Watch(conditions, lambda alert: post_alert(alerts, alert))
