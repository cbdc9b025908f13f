"""The probe of a front end: any node reads a known image, through the broker and Redis."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable

from ocr_engine.engine import EngineTask, ProbeOutcome, ProbeReport, WorkerProbe
from ocr_engine.errors import EngineError
from ocr_engine.options import RecognitionOptions
from ocr_engine.pool.probe import KNOWN_TEXT, READ_SECONDS, REST_SECONDS, known_image
from ocr_engine.result import EncodedRecognition


class WayProbe:
    """Probes the way to the nodes; requests during a probe, or soon after it, share its report.

    submit: see Engine. clock: monotonic seconds.
    """

    def __init__(
        self,
        submit: Callable[[bytes, RecognitionOptions], EngineTask],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._submit = submit
        self._clock = clock
        self._started_at = float("-inf")
        self._probe: asyncio.Task[ProbeReport] | None = None

    async def report(self) -> ProbeReport:
        """The report of the probe in progress, of the last one if it is recent, or of a new one."""
        recent = self._clock() - self._started_at < REST_SECONDS
        if self._probe is None or (self._probe.done() and not recent):
            self._started_at = self._clock()
            self._probe = asyncio.ensure_future(self._run())
        return await asyncio.shield(self._probe)

    async def _run(self) -> ProbeReport:
        began = self._clock()
        outcome = ProbeOutcome.LATE
        try:
            async with asyncio.timeout(READ_SECONDS):
                read = await self._submit(known_image(), RecognitionOptions()).future
        except TimeoutError:
            outcome = ProbeOutcome.LATE
        except EngineError:
            outcome = ProbeOutcome.LOST
        else:
            assert isinstance(read, EncodedRecognition)
            right = json.loads(read.json)["text"] == KNOWN_TEXT
            outcome = ProbeOutcome.RIGHT if right else ProbeOutcome.WRONG
        now = self._clock()
        return ProbeReport(now, (WorkerProbe(None, outcome, now - began),))
