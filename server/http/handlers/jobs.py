"""GET and DELETE /jobs/ID: the jobs that requests with block_flag=false started."""

from __future__ import annotations

from server.formats.answer import Envelope
from server.formats.registry import Format
from server.http.handlers.base import BaseHandler
from server.http.json_bodies import JobAnswer
from server.http.replies import job_json
from server.intake.request_fields import parse_format, parse_seconds
from server.service.jobs import MAX_WAIT_SECONDS, JobRecord

POLL_SECONDS = 1


class JobHandler(BaseHandler):
    """One job by its id."""

    needs = "jobs"

    async def get(self, job_id: str) -> None:
        """The job's state, and its result when it is done; ?wait=seconds waits for the end."""
        try:
            job = self.context.jobs.get(job_id)
            fields = self.query_fields(("wait", "format"))
            chosen = parse_format(fields.get("format", job.format))
            if "wait" in fields:
                seconds = parse_seconds("wait", fields["wait"], MAX_WAIT_SECONDS)
                await self.context.jobs.wait(job, seconds)
            await self._send(job, chosen)
        except Exception as error:
            self.send_problem(error)

    def delete(self, job_id: str) -> None:
        """Cancel the job: 204, or 409 if it is finished."""
        try:
            self.context.jobs.cancel(job_id)
        except Exception as error:
            self.send_problem(error)
        else:
            self.scope.audit("job_cancelled", job_id)
            self.send_empty(204)

    async def _send(self, job: JobRecord, chosen: Format) -> None:
        self.set_header("X-Job-State", job.state)
        if job.answer is None:
            if job.state in ("queued", "running"):
                self.set_header("Retry-After", str(POLL_SECONDS))
            request_id = self.scope.request_id
            self.send_json(JobAnswer(status="success", job=job_json(job), request_id=request_id))
            return
        envelope = Envelope(job.outcome, job.elapsed_ms, self.scope.request_id, job_json(job))
        await self.send_answer(job.answer, chosen, envelope)
