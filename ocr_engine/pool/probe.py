"""The probe: every worker reads a known image, to find workers that are ready but read wrongly."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from pathlib import Path

from ocr_engine.engine import ProbeOutcome, ProbeReport, WorkerProbe, WorkerState
from ocr_engine.options import RecognitionOptions
from ocr_engine.pool.exits import ExitReason
from ocr_engine.pool.process import WorkerProcess
from ocr_engine.pool.supervisor import Supervisor
from ocr_engine.worker.messages import Done, Failed, Task

log = logging.getLogger(__name__)

KNOWN_TEXT = "known image\n2473 5614"
READ_SECONDS = 10.0  # for a worker to read the image, and for a busy one to become free
REST_SECONDS = 5.0  # from the start of a probe to that of the next


class Prober:
    """Probes the workers on request; requests during a probe, or soon after it, share its report.

    Each worker gets the image as a task, between two others. A worker that answers wrongly or not
    in time is killed. Used from the event loop; the pool reports what its workers do.
    on_idle: called when a spare may have become a worker. clock: monotonic seconds.
    """

    def __init__(
        self,
        supervisor: Supervisor,
        on_idle: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._supervisor = supervisor
        self._on_idle = on_idle
        self._clock = clock
        self._started_at = float("-inf")
        self._probe: asyncio.Task[ProbeReport] | None = None
        self._readings: dict[WorkerProcess, _Reading] = {}
        self._task_id = 0
        self._ever_right = False
        self._replaced = 0
        self._closed = False

    async def report(self) -> ProbeReport:
        """The report of the probe in progress, of the last one if it is recent, or of a new one."""
        recent = self._clock() - self._started_at < REST_SECONDS
        if self._probe is None or (self._probe.done() and not recent):
            self._started_at = self._clock()
            self._probe = asyncio.ensure_future(self._run())
        return await asyncio.shield(self._probe)

    def reading(self) -> int:
        """How many workers read the image now."""
        return sum(each.begun_at is not None for each in self._readings.values())

    def assign(self) -> None:
        """Send the image to each free worker that has not had it."""
        for worker, reading in list(self._readings.items()):
            if reading.begun_at is None and worker.state is WorkerState.READY:
                self._task_id -= 1  # never that of a client's image
                reading.task_id = self._task_id
                reading.begun_at = self._clock()
                reading.set_timer(self._late, worker)
                task = Task(
                    reading.task_id, RecognitionOptions(), known_image(), seconds=READ_SECONDS
                )
                worker.assign(task, counts=False)

    def on_reply(self, worker: WorkerProcess, reply: Done | Failed) -> bool:
        """Judge a worker's answer; False if it is not the answer to the known image."""
        reading = self._readings.get(worker)
        if reading is None or reading.begun_at is None:
            return False
        right = isinstance(reply, Done) and reply.task_id == reading.task_id and _is_right(reply)
        self._finish(worker, ProbeOutcome.RIGHT if right else ProbeOutcome.WRONG)
        if right:
            self._ever_right = True
        elif self._may_replace():
            worker.kill(ExitReason.PROBE_FAILED, "read a known image wrongly")
            self._supervisor.use_spares()
        return True

    def on_lost(self, worker: WorkerProcess) -> None:
        """A worker has ended, perhaps while it read the image."""
        if worker in self._readings:
            self._finish(worker, ProbeOutcome.LOST)

    def close(self) -> None:
        """End the probe."""
        self._closed = True
        for worker, reading in list(self._readings.items()):
            if reading.begun_at is not None:
                worker.kill(ExitReason.SHUTDOWN, "shutdown")
            self._finish(worker, ProbeOutcome.LOST)

    async def _run(self) -> ProbeReport:
        serving = (WorkerState.READY, WorkerState.BUSY)
        for worker in self._supervisor.workers():
            if worker.state not in serving:
                continue
            reading = self._readings[worker] = _Reading()
            reading.set_timer(self._still_busy, worker)
        outcomes = [reading.outcome for reading in self._readings.values()]
        self.assign()
        report = ProbeReport(self._clock(), tuple(await asyncio.gather(*outcomes)))
        if not report.passed and not self._closed:
            log.warning("probe failed: %s", report.summary)
        return report

    def _still_busy(self, worker: WorkerProcess) -> None:
        self._finish(worker, ProbeOutcome.BUSY)

    def _late(self, worker: WorkerProcess) -> None:
        self._finish(worker, ProbeOutcome.LATE)
        detail = f"did not read a known image within {READ_SECONDS:g} s"
        worker.abort(ExitReason.PROBE_FAILED, detail)
        self._supervisor.use_spares()
        self._on_idle()

    def _finish(self, worker: WorkerProcess, outcome: ProbeOutcome) -> None:
        reading = self._readings.pop(worker)
        reading.timer.cancel()
        seconds = None if reading.begun_at is None else self._clock() - reading.begun_at
        reading.outcome.set_result(WorkerProbe(worker.pid, outcome, seconds))

    def _may_replace(self) -> bool:
        """Whether another worker may be better; no if many have been wrong, and none ever right."""
        if not self._ever_right and self._replaced >= self._supervisor.spec.number:
            log.error(
                "no worker has ever read the known image rightly, so none is replaced: the models "
                "cannot read letters and digits, or are damaged"
            )
            return False
        self._replaced += 1
        return True


class _Reading:
    """One worker's reading of the known image.

    begun_at: None while the worker reads another image.
    """

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.outcome: asyncio.Future[WorkerProbe] = loop.create_future()
        self.timer = loop.call_later(READ_SECONDS, lambda: None)
        self.begun_at: float | None = None
        self.task_id = 0

    def set_timer(self, callback: Callable[[WorkerProcess], None], worker: WorkerProcess) -> None:
        """Call back unless the reading ends in time; replaces the previous timer."""
        self.timer.cancel()
        self.timer = asyncio.get_running_loop().call_later(READ_SECONDS, callback, worker)


def _is_right(reply: Done) -> bool:
    """Whether the text is the known one; models differ in the spaces that they read."""
    return reply.recognition.result.text.split() == KNOWN_TEXT.split()


def known_image() -> bytes:
    """A PNG with KNOWN_TEXT; tools/known_image.py draws it."""
    return Path(__file__).with_name("known.png").read_bytes()
