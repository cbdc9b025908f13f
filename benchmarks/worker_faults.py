"""The faults of chaos.py and kills.py, the time until all workers are ready, and latencies."""

from __future__ import annotations

import asyncio
import contextlib
import random
import signal
import sys
from collections import Counter, deque
from collections.abc import Coroutine, Sequence

from server_under_test import ROOT, ServerUnderTest, Verdict
from uploads import light_pages, upload

from tests.support.arrivals import Answer, Client, Request, percentile

sys.path[:0] = [str(ROOT / "tools")]

from broken_images import broken_images  # noqa: E402

TASK_SECONDS = {"kill": 30.0, "all": 5.0}  # timeout of an image in a stopped worker
SETTLE_SECONDS = 60.0
POLL_SECONDS = 0.1
MAX_RATIO = 3.0  # of the latency with faults to the usual one
HEALTH = Request("health", method="GET", path="/healthz")


class WorkerWatch:
    """Polls /healthz for ready workers, and measures the time of a replacement after each kill."""

    def __init__(self, client: Client) -> None:
        self.recoveries: list[float] = []
        self._client = client
        self._warm: set[int] = set()
        self._seen: set[int] = set()
        self._gone: set[int] = set()
        self._unreplaced: deque[float] = deque()

    async def run(self) -> None:
        """Poll until cancelled."""
        while True:
            answer = await self._client.ask(HEALTH)
            if answer.status == 200:
                self._observe(answer)
            await asyncio.sleep(POLL_SECONDS)

    def victims(self) -> list[int]:
        """Workers that were ready or busy at the last poll."""
        return sorted(self._warm)

    def is_whole(self) -> bool:
        """Whether every killed worker has been replaced."""
        return not self._unreplaced

    def killed(self, pid: int) -> None:
        """Start to wait for the replacement."""
        self._gone.add(pid)
        self._warm.discard(pid)
        self._unreplaced.append(asyncio.get_running_loop().time())

    def _observe(self, answer: Answer) -> None:
        workers = answer.json["workers"]
        warm = {w["pid"] for w in workers if w["state"] in ("ready", "busy")} - self._gone
        for _ in warm - self._seen if self._seen else ():
            if self._unreplaced:
                waited = asyncio.get_running_loop().time() - self._unreplaced.popleft()
                self.recoveries.append(waited)
        self._warm = warm
        self._seen |= warm


class Faults:
    """Causes faults of workers and connections every few seconds, and counts them."""

    def __init__(self, server: ServerUnderTest, client: Client, seed: int) -> None:
        self.done: Counter[str] = Counter()
        self.broken: Counter[str] = Counter()
        self.watch = WorkerWatch(client)
        self._server = server
        self._client = client
        self._random = random.Random(seed)
        self._images = broken_images(seed)
        self._page = next(iter(light_pages().values())).image
        self._under_way: set[asyncio.Task[None]] = set()

    async def inflict(self, every: float, kills_only: bool) -> None:
        """Cause faults until cancelled."""
        while True:
            await asyncio.sleep(every)
            if kills_only:
                self.kill()
                continue
            self._begin(
                self._random.choice((self.stop, self.burst, self._killing, self._killing))()
            )
            self._begin(self._random.choice((self.leave, self.send_broken))())

    async def settle(self) -> None:
        """Wait for the end of running faults, and for the last replacement."""
        await asyncio.gather(*self._under_way)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._replaced(), SETTLE_SECONDS)

    def kill(self) -> None:
        """Send SIGKILL to a worker."""
        pid = self._victim()
        if pid and self._server.signal_worker(pid, signal.SIGKILL):
            self.watch.killed(pid)
            self.done["kills"] += 1

    async def stop(self) -> None:
        """Stop a worker with SIGSTOP until the deadline of its current or next image."""
        pid = self._victim()
        if pid and self._server.signal_worker(pid, signal.SIGSTOP):
            self.done["stops"] += 1
            await asyncio.sleep(TASK_SECONDS["all"] + 2)
            self._server.signal_worker(pid, signal.SIGCONT)

    async def burst(self) -> None:
        """Stop a worker with SIGSTOP for 0.3 s, five times."""
        pid = self._victim()
        if pid:
            self.done["bursts"] += 1
            for number in (signal.SIGSTOP, signal.SIGCONT) * 5:
                self._server.signal_worker(pid, number)
                await asyncio.sleep(0.3)

    async def leave(self) -> None:
        """Disconnect a client in the middle of its body, or while it waits."""
        share = self._random.choice((0.5, 1.0))
        self.done["clients gone"] += 1
        with contextlib.suppress(OSError):
            await self._client.abandon(upload("left", self._page), share, 0.1)

    async def send_broken(self) -> None:
        """Send five broken images."""
        for _ in range(5):
            answer = await self._client.ask(upload(*next(self._images)))
            self.broken[answer.outcome] += 1

    async def _killing(self) -> None:
        self.kill()

    async def _replaced(self) -> None:
        while not self.watch.is_whole():
            await asyncio.sleep(POLL_SECONDS)

    def _begin(self, fault: Coroutine[None, None, None]) -> None:
        task = asyncio.ensure_future(fault)
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    def _victim(self) -> int | None:
        return self._random.choice(self.watch.victims() or [None])


def judge_latency(
    verdict: Verdict, calm: Sequence[Answer], stormy: Sequence[Answer], check: bool = True
) -> None:
    """Rows of the latencies without and with faults; p95 and p99 are compared with the usual ones.

    check: whether too high a ratio is a failure.
    """
    verdict.row("latency without", latency(calm))
    verdict.row("latency with", latency(stormy))
    for percent in (95, 99):
        ratio = _percentile(stormy, percent) / _percentile(calm, percent)
        verdict.row(f"p{percent} ratio", f"{ratio:.2f}", ratio <= MAX_RATIO or not check)


def latency(answers: Sequence[Answer]) -> str:
    """The percentiles in words."""
    return ", ".join(f"p{number} {_percentile(answers, number):.2f} s" for number in (50, 95, 99))


def _percentile(answers: Sequence[Answer], percent: int) -> float:
    return percentile((answer.seconds for answer in answers), percent)
