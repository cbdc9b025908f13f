"""GET and DELETE /jobs/ID: the jobs that requests with block_flag=false started."""

from __future__ import annotations

from server.errors import NotFound
from server.formats.answer import Envelope
from server.formats.registry import Format
from server.http.handlers.base import BaseHandler
from server.http.json_bodies import JobAnswer
from server.http.replies import job_json
from server.intake.request_fields import parse_format, parse_seconds
from server.jobs.record import MAX_WAIT_SECONDS, JobRecord, Jobs, wait_for_end

POLL_SECONDS = 1


class JobBaseHandler(BaseHandler):
    """What all handlers of jobs share."""

    @property
    def user(self) -> str:
        """The user whose jobs these are."""
        return self.scope.principal.user

    async def jobs(self) -> Jobs:
        """The jobs; NotFound if there never were any, so that no database is created."""
        if self.context.jobs.is_unused():
            raise NotFound("no job has this id")
        return await self.context.jobs.open()

    async def send_result(self, jobs: Jobs, job: JobRecord, chosen: Format) -> None:
        """Send the result of a job that is done."""
        answer = await jobs.answer(job)
        outcome = job.outcome or "miss"
        envelope = Envelope(outcome, job.elapsed_ms, self.scope.request_id, job_json(job))
        await self.send_answer(answer, chosen, envelope)


class JobHandler(JobBaseHandler):
    """One job by its id."""

    needs = "jobs"

    async def get(self, job_id: str) -> None:
        """The job's state, and its result when it is done; ?wait=seconds waits for the end."""
        try:
            jobs = await self.jobs()
            job = await jobs.get(self.user, job_id)
            fields = self.query_fields(("wait", "format"))
            chosen = parse_format(fields.get("format", job.format))
            if "wait" in fields:
                seconds = parse_seconds("wait", fields["wait"], MAX_WAIT_SECONDS)
                job = await wait_for_end(jobs, job, seconds)
            await self._send(jobs, job, chosen)
        except Exception as error:
            self.send_problem(error)

    async def delete(self, job_id: str) -> None:
        """Cancel the job: 204, or 409 if it is finished."""
        try:
            await (await self.jobs()).cancel(self.user, job_id)
        except Exception as error:
            self.send_problem(error)
        else:
            self.send_empty(204)

    async def _send(self, jobs: Jobs, job: JobRecord, chosen: Format) -> None:
        self.set_header("X-Job-State", job.state)
        if job.state == "done":
            await self.send_result(jobs, job, chosen)
            return
        if not job.finished:
            self.set_header("Retry-After", str(POLL_SECONDS))
        request_id = self.scope.request_id
        self.send_json(JobAnswer(status="success", job=job_json(job), request_id=request_id))
