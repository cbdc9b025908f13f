"""GET /jobs, GET and DELETE /jobs/ID, GET /jobs/ID/result: what block_flag=false has started."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator, Mapping
from typing import TYPE_CHECKING

from tornado.iostream import StreamClosedError

from server.errors import Conflict, NotFinished, NotFound
from server.formats.answer import Envelope
from server.formats.pages import DocumentFacts, PageResult
from server.formats.registry import document_format, needs_image
from server.formats.rendering import Rendering
from server.http.errors import error_of_code
from server.http.gate import check_again
from server.http.handlers.base import BaseHandler
from server.http.replies import Reply, converted_reply, job_json, problem_reply
from server.intake.fields import checked
from server.intake.request_fields import RENDERING_FIELDS, parse_rendering, parse_seconds
from server.jobs.converted import converted_job
from server.jobs.record import (
    MAX_WAIT_SECONDS,
    PAGE_FIELDS,
    JobPage,
    JobRecord,
    Jobs,
    KeptPages,
    wait_for_end,
)
from server.operations.audit import Action
from server.settings.constraints import Flag

if TYPE_CHECKING:
    from server.formats.converting import ConvertedDocument
    from server.http.json_bodies import JobAnswer, JobList

POLL_SECONDS = 1
FLUSH_BYTES = 128 << 10


class JobBaseHandler(BaseHandler):
    """What all handlers of jobs share."""

    needs = "jobs"

    _converting: asyncio.Task[ConvertedDocument] | None = None

    @property
    def user(self) -> str:
        """The user whose jobs these are."""
        return self.scope.principal.user

    async def check_key(self) -> None:
        """KeyInvalid if the key was revoked since the request began; call it after a wait."""
        await check_again(self.context, self.request)

    async def jobs(self) -> Jobs:
        """The jobs; NotFound if there never were any, without creating a database."""
        if self.context.jobs.is_unused():
            raise NotFound("no job has this id")
        return await self.context.jobs.open()

    async def send_result(self, jobs: Jobs, job: JobRecord, rendering: Rendering) -> None:
        """Send the result of a job that is done."""
        if job.is_document:
            await self._send_document(jobs, job, rendering)
            return
        answer = await jobs.answer(job, with_image=needs_image(rendering.format))
        outcome = job.outcome or "miss"
        envelope = Envelope(
            outcome, job.elapsed_ms, self.scope.request_id, job_json(job, self.scope.prefix)
        )
        await self.send_answer(answer, rendering, envelope)

    async def _send_document(self, jobs: Jobs, job: JobRecord, rendering: Rendering) -> None:
        """Send the pages of a document one after the other, no faster than the client takes them.

        They are written in a thread, which asks the event loop for each page.
        """
        row = document_format(rendering)
        kept = await jobs.pages(job)
        if row.pages is None:
            await self._send_converted(kept, job, rendering)
            return
        facts = DocumentFacts(
            kept.kind,
            kept.page_count,
            job.pages_total,
            job.pages_failed,
            kept.md5,
            self.scope.request_id,
            job.outcome or "miss",
            job.elapsed_ms,
            job_json(job, self.scope.prefix),
        )
        self.scope.note(Reply(200, {}, ()), 0)
        self.set_header("Content-Type", row.media_type)
        pages = kept.read()
        parts = row.pages(_fetched(pages, asyncio.get_running_loop()), rendering, facts)
        size = 0
        try:
            while (part := await asyncio.to_thread(next, parts, None)) is not None:
                self.write(part)
                size += len(part)
                if size >= FLUSH_BYTES:
                    size = 0
                    await self.flush()
            await self.finish()
        except StreamClosedError:
            pass
        finally:
            await pages.aclose()

    async def _send_converted(self, kept: KeptPages, job: JobRecord, rendering: Rendering) -> None:
        """Send a document in a format that is converted, from a file."""
        converting = converted_job(kept, self.context.converter, rendering)
        self._converting = asyncio.ensure_future(converting)
        await asyncio.wait([self._converting])
        if self._converting.cancelled():
            return  # the client has left
        headers = {"X-Cache": job.outcome or "miss"}
        await self.send_stream(converted_reply(self._converting.result(), headers))

    def on_connection_close(self) -> None:
        """End what is converted for a client that leaves."""
        super().on_connection_close()
        if self._converting is not None:
            self._converting.cancel()


def _fetched(
    pages: AsyncGenerator[PageResult, None], loop: asyncio.AbstractEventLoop
) -> Iterator[PageResult]:
    """The pages, for a thread."""

    async def following() -> PageResult | None:
        return await anext(pages, None)

    while (page := asyncio.run_coroutine_threadsafe(following(), loop).result()) is not None:
        yield page


class JobsHandler(JobBaseHandler):
    """All jobs of the user."""

    async def get(self) -> None:
        """A page of them, the newest first."""
        try:
            fields = self.query_fields(("state", "after", "limit"))
            page = parse_page(fields)
            found = [] if self.context.jobs.is_unused() else await self._listed(page)
            body: JobList = {
                "status": "success",
                "jobs": [job_json(job, self.scope.prefix) for job in found],
                "next": found[-1].job_id if len(found) == page.limit else None,
                "request_id": self.scope.request_id,
            }
            self.send_json(body)
        except Exception as error:
            self.send_problem(error)

    async def _listed(self, page: JobPage) -> list[JobRecord]:
        return await (await self.context.jobs.open()).listed(self.user, page)


class JobResultHandler(JobBaseHandler):
    """The result of a job by its id."""

    async def get(self, job_id: str) -> None:
        """The result in any rendering, 409 if there is none, or the error of a failed job."""
        try:
            jobs = await self.jobs()
            job = await jobs.get(self.user, job_id)
            chosen = parse_rendering(self.query_fields(RENDERING_FIELDS), job.rendering)
            if not job.finished:
                raise NotFinished(f"the job is {job.state}; wait for its end")
            if job.state == "cancelled":
                raise Conflict("the job was cancelled and has no result")
            if job.error is None:
                await self.send_result(jobs, job, chosen)
                return
            problem = error_of_code(job.error.code, job.error.message)
            self.send(problem_reply(problem, self.scope.request_id))
        except Exception as error:
            self.send_problem(error)


class JobHandler(JobBaseHandler):
    """One job by its id."""

    async def get(self, job_id: str) -> None:
        """The job's state, and its result when it is done; ?wait=seconds waits for the end."""
        try:
            jobs = await self.jobs()
            job = await jobs.get(self.user, job_id)
            fields = self.query_fields(("wait", *RENDERING_FIELDS))
            chosen = parse_rendering(fields, job.rendering)
            if "wait" in fields:
                seconds = parse_seconds("wait", fields["wait"], MAX_WAIT_SECONDS)
                job = await wait_for_end(jobs, job, seconds)
                await self.check_key()
            await self._send(jobs, job, chosen)
        except Exception as error:
            self.send_problem(error)

    async def delete(self, job_id: str) -> None:
        """Cancel the job: 204, or 409 if it is finished; ?erase=true deletes a finished one."""
        try:
            jobs = await self.jobs()
            if checked("erase", self.query_fields(("erase",)).get("erase", False), Flag()):
                await jobs.erase(self.user, job_id)
                action: Action = "job_erased"
            else:
                await jobs.cancel(self.user, job_id)
                action = "job_cancelled"
        except Exception as error:
            self.send_problem(error)
        else:
            self.scope.audit(action, job_id)
            self.send_empty(204)

    async def _send(self, jobs: Jobs, job: JobRecord, chosen: Rendering) -> None:
        self.set_header("X-Job-State", job.state)
        if job.state == "done":
            await self.send_result(jobs, job, chosen)
            return
        if not job.finished:
            self.set_header("Retry-After", str(POLL_SECONDS))
        request_id = self.scope.request_id
        body: JobAnswer = {
            "status": "success",
            "job": job_json(job, self.scope.prefix),
            "request_id": request_id,
        }
        self.send_json(body)


def parse_page(fields: Mapping[str, str]) -> JobPage:
    """The query of GET /jobs."""
    given = {
        name: checked(name, fields[name], constraint)
        for name, constraint in PAGE_FIELDS.items()
        if name in fields
    }
    return JobPage(after=fields.get("after"), **given)
