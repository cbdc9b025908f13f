"""Which idle worker gets the next image."""

from __future__ import annotations

import time
from collections.abc import Iterable

from ocr_engine.engine import WorkerState
from ocr_engine.pool.process import WorkerProcess
from ocr_engine.worker.spec import IDLE_TRIM_SECONDS


def idle_worker(
    workers: Iterable[WorkerProcess], models: str | None = None
) -> WorkerProcess | None:
    """An idle worker: the most recently used one, whose caches are warm; None if all are busy.

    If all have been idle for so long that they may be in an idle trim, it is the one that has
    been idle longest, because its trim is most likely over.

    models: if some have loaded the model set with this name, it is one of these.
    """
    ready = [worker for worker in workers if worker.state is WorkerState.READY]
    if models is not None:
        ready = [worker for worker in ready if worker.has_loaded(models)] or ready
    trim_started = time.monotonic() - IDLE_TRIM_SECONDS
    recent = [worker for worker in ready if worker.life.idle_since > trim_started]
    if recent:
        return max(recent, key=lambda worker: worker.life.idle_since)
    return min(ready, key=lambda worker: worker.life.idle_since, default=None)
