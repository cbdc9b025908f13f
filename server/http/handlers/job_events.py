"""GET /jobs/ID/events: the states of a job as Server-Sent Events, until its end."""

from __future__ import annotations

import asyncio

from tornado.iostream import StreamClosedError

from ocr_engine.errors import QueueFull
from server.errors import Gone, KeyInvalid, NotFound, StorageUnavailable
from server.formats.json_text import dump
from server.http.handlers.jobs import JobBaseHandler
from server.http.replies import Reply, job_json
from server.jobs.record import JobRecord, Jobs

MAX_STREAMS = 500
MAX_STREAMS_PER_USER = 100
MAX_ID_DIGITS = 18
COMMENT_SECONDS = 15.0  # proxies close a connection that is silent for longer
AWAY_SECONDS = 1.0
HEADERS = {
    "Content-Type": "text/event-stream",
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",
}


class JobEventsHandler(JobBaseHandler):
    """A connection that stays open; the id of an event is JobRecord.version after the change."""

    _streaming: asyncio.Task[None] | None = None

    async def get(self, job_id: str) -> None:
        """Each state from now on, or from Last-Event-ID; then the end."""
        try:
            jobs = await self.jobs()
            job = await jobs.get(self.user, job_id)
            self._check_room()
        except Exception as error:
            self.send_problem(error)
            return
        user, streams = self.user, self.context.event_streams
        streams[user] += 1
        self._streaming = asyncio.ensure_future(self._stream(jobs, job))
        await asyncio.wait([self._streaming])
        streams[user] -= 1
        if not streams[user]:
            del streams[user]
        if not self._streaming.cancelled():
            self._streaming.result()  # raises what is unexpected, so that it is logged

    def on_connection_close(self) -> None:
        """Called by Tornado when the client disconnects."""
        super().on_connection_close()
        if self._streaming is not None:
            self._streaming.cancel()

    def _check_room(self) -> None:
        """QueueFull if too many streams are open, of this user or of all."""
        streams = self.context.event_streams
        if streams[self.user] >= MAX_STREAMS_PER_USER:
            raise QueueFull(
                f"you follow {MAX_STREAMS_PER_USER} jobs, the maximum for a user; poll instead"
            )
        if streams.total() >= MAX_STREAMS:
            raise QueueFull(f"{MAX_STREAMS} clients follow jobs, the maximum; poll instead")

    async def _stream(self, jobs: Jobs, job: JobRecord) -> None:
        self.scope.note(Reply(200, {}, ()), 0)
        for name, value in HEADERS.items():
            self.set_header(name, value)
        last = self.request.headers.get("Last-Event-ID", "")
        is_id = last.isascii() and last.isdecimal() and len(last) <= MAX_ID_DIGITS
        seen = int(last) if is_id else 0
        pages = 0  # that have been told
        try:
            while True:
                if job.version > seen or job.finished:
                    seen, before = job.version, pages
                    pages = job.pages_done + job.pages_failed
                    kind = "page" if pages > before else "state"
                    await self._send_event("end" if job.finished else kind, job)
                if job.finished:
                    break
                job = await self._next(jobs, job, seen)
                await self.check_key()
            self.finish()
        except StreamClosedError:
            pass
        except (Gone, NotFound, KeyInvalid):  # the job was erased, or the key revoked
            self.finish()

    async def _next(self, jobs: Jobs, job: JobRecord, seen: int) -> JobRecord:
        """The job when it has changed; while nothing happens, send comments."""
        try:
            found = await jobs.next_version(self.user, job.job_id, seen, COMMENT_SECONDS)
        except StorageUnavailable:
            await asyncio.sleep(AWAY_SECONDS)
            return job
        if found.version <= seen:
            self.write(b": nothing new\n\n")
            await self.flush()
        return found

    async def _send_event(self, kind: str, job: JobRecord) -> None:
        data = dump(job_json(job, self.scope.prefix))
        self.write(b"id: %d\nevent: %s\ndata: %s\n\n" % (job.version, kind.encode(), data))
        await self.flush()
