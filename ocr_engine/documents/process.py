"""One renderer process and its channel, as the parent sees them.

A thread per renderer starts the process, exchanges messages with it and reaps it. It lives as long
as the process: Linux kills a child when the thread that created it exits (PR_SET_PDEATHSIG).
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import itertools
import os
import queue
import signal
import threading
from collections import OrderedDict
from collections.abc import Callable
from multiprocessing import connection

from ocr_engine.descriptors import receive_descriptor, send_descriptor
from ocr_engine.documents.document import DocumentFile
from ocr_engine.documents.messages import (
    MAX_REPLY_BYTES,
    Close,
    Failed,
    Open,
    ReadPage,
    Reply,
    Request,
    Stop,
    decode_reply,
    encode_request,
)
from ocr_engine.documents.spec import RendererSpec, run_renderer
from ocr_engine.framing import ProtocolError
from ocr_engine.pool.exits import ExitReason, WorkerExit, not_started, reap, worker_exit
from ocr_engine.pool.spawning import spawn_process
from ocr_engine.worker.spec import thread_environment

START_SECONDS = 60.0
LEAVE_SECONDS = 1.0
MOST_OPEN = 4  # documents in one renderer


class RendererLost(Exception):
    """The renderer has ended before it has answered."""

    def __init__(self, ended: WorkerExit) -> None:
        super().__init__(ended.detail)
        self.ended = ended


class RendererProcess:
    """One renderer, which does one thing at a time; all methods are called on the event loop.

    on_exit: called when it has ended, however that was.
    """

    _names = itertools.count(1)

    def __init__(
        self, spec: RendererSpec, on_exit: Callable[[RendererProcess, WorkerExit], None]
    ) -> None:
        self.pid: int | None = None
        self.rss_mb = 0
        self.busy = False
        self.ready = False
        self.pages_done = 0
        self._spec = spec
        self._on_exit = on_exit
        self._loop = asyncio.get_running_loop()
        self._jobs: queue.SimpleQueue[_Job | int | None] = queue.SimpleQueue()
        self._current: _Job | None = None
        self._open: OrderedDict[int, None] = OrderedDict()  # documents, the latest at the end
        self._killed_for: WorkerExit | None = None
        self._ended = False
        self._deadline = self._loop.call_later(
            START_SECONDS, self.kill, ExitReason.NOT_STARTED, "did not start"
        )

    def start(self) -> None:
        """Spawn the process; on_exit follows at some time."""
        atexit.register(self._kill_at_exit)
        name = f"ocr-renderer-{next(self._names)}"
        attend = threading.Thread(target=self._attend, args=(name,), name=name, daemon=True)
        try:
            attend.start()
        except RuntimeError as error:  # no more threads are available
            self._loop.call_soon(self._exited, not_started(error))

    def has_open(self, document: DocumentFile) -> bool:
        """Whether it has the document open."""
        return document.number in self._open

    async def run(self, document: DocumentFile, request: Open | ReadPage) -> Reply:
        """Send a request, after the document is open; RendererLost."""
        opening = None
        if not self.has_open(document) and not isinstance(request, Open):
            opening = Open(document.number, document.kind, document.password)
        if not self.has_open(document):
            if len(self._open) >= MOST_OPEN:
                self.close_document(next(iter(self._open)))
            self._open[document.number] = None
        self._open.move_to_end(document.number)
        job = self._current = _Job(document, request, opening, self._loop.create_future())
        self.busy = True
        if self._ended:
            raise RendererLost(WorkerExit(ExitReason.NOT_STARTED, "has ended"))
        self._jobs.put(job)
        return await job.reply

    def close_document(self, number: int) -> None:
        """Close a document, if it is open."""
        if number in self._open:
            del self._open[number]
            self._jobs.put(number)

    def stop(self) -> None:
        """Let it leave when it is no longer busy."""
        self._jobs.put(None)

    def kill(self, reason: ExitReason, detail: str) -> None:
        """Send SIGKILL."""
        if not self._ended:
            self._killed_for = self._killed_for or WorkerExit(reason, detail)
            self._kill_at_exit()
            self.stop()  # the thread may be waiting for a job

    def _attend(self, name: str) -> None:
        """Body of this renderer's thread; _exited() always follows."""
        ended = WorkerExit(ExitReason.NOT_STARTED, "lost by its thread")
        try:
            process, channel = spawn_process(
                run_renderer, self._spec, name, thread_environment(threads=1)
            )
        except Exception as error:  # mostly OSError: no descriptor, no process, no memory
            ended = not_started(error)
        else:
            self.pid = process.pid
            if self._killed_for is not None:  # killed before there was a process
                process.kill()
            problem = self._serve(channel)
            if problem is not None:
                process.kill()
            code = reap(process, LEAVE_SECONDS)
            channel.close()
            ended = worker_exit(code, out_of_memory=False)
            if problem is not None:
                ended = WorkerExit(ExitReason.PROTOCOL_ERROR, problem, self_inflicted=True)
        finally:
            self._post(self._exited, ended)

    def _serve(self, channel: connection.Connection) -> str | None:
        """Do one job after the other; returns what broke the channel, or None."""
        try:
            self._post(self._started, _received(channel))
            while (job := self._jobs.get()) is not None:
                if isinstance(job, int):
                    _send(channel, Close(job))
                    continue
                self._post(self._begun)
                self._post(self._answered, job, job.carry_out(channel))
                del job
            _send(channel, Stop())
        except (EOFError, OSError):
            return None
        except ProtocolError as error:
            return f"sent a malformed message ({error})"
        return None

    def _started(self, reply: Reply) -> None:
        self.ready = True
        self.rss_mb = reply.rss_mb
        self._deadline.cancel()

    def _begun(self) -> None:
        """A job has begun: it has so much time."""
        self._deadline.cancel()
        seconds = self._spec.page_seconds
        self._deadline = self._loop.call_later(
            seconds, self.kill, ExitReason.DEADLINE, f"took longer than {seconds:g} s"
        )

    def _answered(self, job: _Job, reply: Reply) -> None:
        self._deadline.cancel()
        self.rss_mb = reply.rss_mb
        self.pages_done += isinstance(job.request, ReadPage)
        self.busy, self._current = False, None
        if job.stays_closed:
            self._open.pop(job.document.number, None)
        if not job.reply.done():
            job.reply.set_result(reply)

    def _exited(self, ended: WorkerExit) -> None:
        atexit.unregister(self._kill_at_exit)
        self._ended = True
        self._deadline.cancel()
        ended = self._killed_for or ended
        job, self._current = self._current, None
        self._on_exit(self, ended)
        if job is not None and not job.reply.done():
            job.reply.set_exception(RendererLost(ended))

    def _kill_at_exit(self) -> None:
        """Also called if the parent exits without close(): multiprocessing waits for it."""
        if self.pid is not None and not self._ended:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)

    def _post(self, callback: Callable[..., None], *arguments: object) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(callback, *arguments)


class _Job:
    """A request for the thread of a renderer.

    opening: sent before it. stays_closed: the document could not be opened.
    """

    def __init__(
        self,
        document: DocumentFile,
        request: Open | ReadPage,
        opening: Open | None,
        reply: asyncio.Future[Reply],
    ) -> None:
        self.document = document
        self.request = request
        self.reply = reply
        self.stays_closed = False
        self._opening = opening

    def carry_out(self, channel: connection.Connection) -> Reply:
        """Exchange the messages; runs in the thread of the renderer."""
        requests = (self.request,) if self._opening is None else (self._opening, self.request)
        for request in requests:
            _send(channel, request)
            if isinstance(request, Open):
                send_descriptor(channel, self.document.descriptor)
            reply = _received(channel)
            if isinstance(reply, Failed):
                self.stays_closed = isinstance(request, Open)
                break
        return reply


def _send(channel: connection.Connection, request: Request) -> None:
    channel.send_bytes(encode_request(request))


def _received(channel: connection.Connection) -> Reply:
    frame = channel.recv_bytes(MAX_REPLY_BYTES)
    return decode_reply(frame, lambda: receive_descriptor(channel))
