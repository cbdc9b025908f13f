"""GET /batches, GET and DELETE /batches/ID: what POST /batches has started."""

from __future__ import annotations

from typing import TYPE_CHECKING

from server.errors import NotFound
from server.http.batch_replies import batch_json
from server.http.handlers.jobs import POLL_SECONDS, JobBaseHandler, parse_page
from server.http.replies import job_json
from server.intake.fields import checked
from server.jobs.batch_record import Batches
from server.operations.audit import Action
from server.settings.constraints import Flag

if TYPE_CHECKING:
    from server.http.batch_bodies import BatchAnswer, BatchList


class BatchBaseHandler(JobBaseHandler):
    """What all handlers of batches share."""

    async def batches(self) -> Batches:
        """The batches; NotFound if there never were any, without creating a database."""
        if self.context.jobs.is_unused():
            raise NotFound("no batch has this id")
        return (await self.context.jobs.open()).batches()


class BatchesHandler(BatchBaseHandler):
    """All batches of the user."""

    async def get(self) -> None:
        """A page of them, the newest first."""
        try:
            page = parse_page(self.query_fields(("after", "limit")))
            found = []
            if not self.context.jobs.is_unused():
                found = await (await self.batches()).listed(self.user, page)
            body: BatchList = {
                "status": "success",
                "batches": [batch_json(batch, self.scope.prefix) for batch in found],
                "next": found[-1].batch_id if len(found) == page.limit else None,
                "request_id": self.scope.request_id,
            }
            self.send_json(body)
        except Exception as error:
            self.send_problem(error)

    def _allowed_methods(self) -> list[str]:
        return [*super()._allowed_methods(), "POST"]  # see FilesRoute


class BatchHandler(BatchBaseHandler):
    """One batch by its id."""

    async def get(self, batch_id: str) -> None:
        """The batch, with a page of its jobs in the order of the files."""
        try:
            batches = await self.batches()
            batch = await batches.get(self.user, batch_id)
            page = parse_page(self.query_fields(("state", "after", "limit")))
            jobs = await batches.jobs(self.user, batch_id, page)
            if batch.finished_at is None:
                self.set_header("Retry-After", str(POLL_SECONDS))
            body: BatchAnswer = {
                "status": "success",
                "batch": batch_json(batch, self.scope.prefix),
                "jobs": [job_json(job, self.scope.prefix) for job in jobs],
                "next": jobs[-1].job_id if len(jobs) == page.limit else None,
                "request_id": self.scope.request_id,
            }
            self.send_json(body)
        except Exception as error:
            self.send_problem(error)

    async def delete(self, batch_id: str) -> None:
        """Cancel unfinished jobs, or with ?erase=true delete finished ones: 204; 409 if none."""
        try:
            batches = await self.batches()
            action: Action
            if checked("erase", self.query_fields(("erase",)).get("erase", False), Flag()):
                await batches.erase(self.user, batch_id)
                action = "batch_erased"
            else:
                await batches.cancel(self.user, batch_id)
                action = "batch_cancelled"
        except Exception as error:
            self.send_problem(error)
        else:
            self.scope.audit(action, batch_id)
            self.send_empty(204)
