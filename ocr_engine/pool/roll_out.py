"""Other models for a running pool: one worker tries them, then the others are replaced."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace

from ocr_engine.errors import EngineError, ModelError, PoolDraining
from ocr_engine.model_sets import LoadableSet
from ocr_engine.pool.exits import ExitReason, WorkerExit
from ocr_engine.pool.process import LEAVE_SECONDS, WorkerProcess
from ocr_engine.pool.supervisor import Supervisor
from ocr_engine.worker.messages import LoadFailed, Ready, Reply


class RollOut:
    """Starts one more worker, with another default model set.

    Once it is warm, the supervisor adopts it and replaces the others. If it never is, nothing has
    changed. Listens to that worker until then; see WorkerListener. Used from the event loop.
    """

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        self._trials: dict[WorkerProcess, asyncio.Future[None]] = {}
        self._closed = False

    async def use(self, chosen: LoadableSet) -> None:
        """See Engine.use_models; concurrent calls take effect one after the other."""
        while waiting := [each for each in self._trials.values() if not each.done()]:
            with contextlib.suppress(EngineError):
                await asyncio.shield(waiting[0])
        if self._closed:
            raise PoolDraining("the server is stopping")
        present = self._supervisor.spec.worker
        spec = replace(present, models=present.models.with_default(chosen), background=False)
        outcome: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._trials[self._supervisor.start_worker(spec, self)] = outcome
        await asyncio.shield(outcome)

    async def close(self) -> None:
        """Kill the worker that tries the models, and wait for its end."""
        self._closed = True
        deadline = asyncio.get_running_loop().time() + LEAVE_SECONDS
        while self._trials and asyncio.get_running_loop().time() < deadline:
            for worker in tuple(self._trials):
                worker.kill(ExitReason.SHUTDOWN, "shutdown")
            await asyncio.sleep(0.01)

    def on_reply(self, process: WorkerProcess, reply: Reply) -> None:
        """The models are loaded, or cannot be."""
        if isinstance(reply, Ready):
            process.hand_over(self._supervisor)
            self._supervisor.adopt(process, reply)
            self._trials.pop(process).set_result(None)
        elif isinstance(reply, LoadFailed):
            _fail(self._trials[process], ModelError(reply.message))

    def on_exit(self, process: WorkerProcess, ended: WorkerExit) -> None:
        """The worker has ended before it was warm."""
        outcome = self._trials.pop(process)
        if self._closed:
            _fail(outcome, PoolDraining("the server is stopping"))
        else:
            _fail(outcome, ModelError(f"the worker that loaded the models ended: {ended.detail}"))


def _fail(outcome: asyncio.Future[None], error: EngineError) -> None:
    """Tell the caller; the first error counts."""
    if not outcome.done():
        outcome.set_exception(error)
        outcome.exception()  # marked as retrieved: perhaps nobody waits any more
