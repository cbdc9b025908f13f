"""The job API of PaddleOCR's official service, which its own client and others speak."""

from __future__ import annotations

import functools
from collections import OrderedDict
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from server.errors import BadField, Conflict, NotFinished, NotFound
from server.formats.json_text import LINES_TYPE, dump
from server.formats.pages import PageResult
from server.http.context import ServerContext
from server.http.dialects.dialect import Target, Targets
from server.http.dialects.foreign import ForeignApi, JobDialect, any_body, json_object
from server.http.dialects.job_pages import job_pages, written
from server.http.dialects.paddlex import own_fields
from server.http.dialects.paddlex_results import layout_results, ocr_results
from server.http.dialects.result_urls import ResultUrls
from server.http.errors import PublicError, error_of_code
from server.http.gate import check_again
from server.http.replies import Reply, json_reply, problem_headers
from server.intake.body import BodyReader
from server.intake.fields import Form, is_given
from server.intake.request import OcrRequest
from server.jobs.record import JobRecord, JobState, wait_for_end
from server.principal import Scope

PATH = "/api/v2/ocr/jobs"
WAIT_SECONDS = 2.0  # for the end of a job in one call; clients ask again after 3 s
MAX_BATCHES = 1000
MAX_BATCH_JOBS = 1000
DOCUMENT_MODELS = ("PP-StructureV3", "PaddleOCR-VL")  # and their versions

_STATES: dict[JobState, str] = {
    "queued": "pending",
    "running": "running",
    "done": "done",
    "failed": "failed",
    "cancelled": "failed",
}


class JobsOfBatches:
    """Which jobs clients have put into which batch; only in memory, the oldest are forgotten."""

    def __init__(self) -> None:
        self._jobs: OrderedDict[tuple[str, str], list[str]] = OrderedDict()

    def add(self, user: str, batch_id: str, job_id: str) -> None:
        """Another job of a batch."""
        jobs = self._jobs.setdefault((user, batch_id), [])
        if len(jobs) < MAX_BATCH_JOBS:
            jobs.append(job_id)
        if len(self._jobs) > MAX_BATCHES:
            self._jobs.popitem(last=False)

    def of(self, user: str, batch_id: str) -> Sequence[str]:
        """The jobs of a batch; NotFound if it is not known."""
        found = self._jobs.get((user, batch_id))
        if found is None:
            raise NotFound("no batch has this id")
        return found


class JobsApi(ForeignApi):
    """How errors and jobs are written."""

    needs: Scope | None = "jobs"

    def problem(self, problem: PublicError) -> Reply:
        """See BodyApi; PaddleOCR's client knows 400 as an invalid request, and nothing finer."""
        status = 400 if problem.status in (413, 415, 422) else problem.status
        body = {"code": status, "msg": self.message_of(problem), "data": None}
        reply = json_reply(body, status, problem_headers(problem))
        return reply._replace(error=problem.code)

    def success(self, data: Any) -> Reply:
        """The reply for a call that has succeeded."""
        return json_reply({"code": 0, "msg": "Success", "data": data})


class Submission(JobsApi, JobDialect):
    """POST: a form with the part `file`, or JSON with `fileUrl`."""

    needs: Scope | None = "read"

    def __init__(self, *given: Any, batches: JobsOfBatches) -> None:
        super().__init__(*given)
        self._batches = batches
        self._batch_id = ""

    def reader(self) -> BodyReader:
        """See BodyApi."""
        content_type = self.request.headers.get("Content-Type", "")
        return any_body(content_type, spool_above=self.spool_above)

    def parse(self, form: Form) -> OcrRequest:
        """See Dialect; the rendering notes whether a document or lines are wanted."""
        model = form.fields.get("model")
        if not isinstance(model, str) or not model:
            raise BadField("model must be a name, such as PP-OCRv6 or PP-StructureV3")
        if is_given(form.fields.get("fileUrl")) and form.upload is None:
            source = self.image(form.fields["fileUrl"], "fileUrl")
        else:
            source = self.uploaded(form.upload, "the form part `file`")
        payload = form.fields.get("optionalPayload") or {}
        fields = own_fields(json_object(payload, "optionalPayload"))
        fields.pop("format", None)  # results have no drawings
        if is_given(form.fields.get("pageRanges")):
            fields["pages"] = form.fields["pageRanges"]
        batch_id = form.fields.get("batchId")
        self._batch_id = batch_id if isinstance(batch_id, str) else ""
        return self.ask(
            source, {**fields, "layout": model.startswith(DOCUMENT_MODELS)}, block=False
        )

    def accepted(self, job: JobRecord) -> Reply:
        """See Dialect."""
        if self._batch_id:
            self._batches.add(job.user, self._batch_id, job.job_id)
        return self.success({"jobId": job.job_id})


class JobStatus(JobsApi):
    """GET /ID: the state of a job, and where its result is."""

    methods = ("GET", "HEAD")

    def __init__(self, *given: Any, urls: ResultUrls, batches: JobsOfBatches) -> None:
        super().__init__(*given)
        self._urls = urls
        self._batches = batches

    async def answer(self, form: Form) -> Reply:
        """See Call; waits for the end, so that most clients ask only once."""
        jobs = await self.context.jobs.open()
        job = await jobs.get(self.scope.principal.user, self.arguments[0])
        job = await wait_for_end(jobs, job, WAIT_SECONDS)
        await check_again(self.context, self.request, self.key)
        return self.success(await self.shown(job))

    async def shown(self, job: JobRecord) -> dict[str, Any]:
        """The JSON of a job."""
        data: dict[str, Any] = {
            "jobId": job.job_id,
            "state": _STATES[job.state],
            "extractProgress": {
                "totalPages": job.pages_total,
                "extractedPages": job.pages_done,
                "startTime": _time(job.created_at),
            },
        }
        if job.finished_at is not None:
            data["extractProgress"]["endTime"] = _time(job.finished_at)
        if job.state == "done":
            query = await self._urls.query(job.user, job.job_id)
            data["resultUrl"] = {"jsonUrl": self.url(f"{PATH}/{job.job_id}/result?{query}")}
        elif job.finished:
            data["errorMsg"] = job.error.message if job.error else "the job was cancelled"
        return data


class BatchState(JobStatus):
    """GET /batch/ID: the states of all jobs of a batch."""

    async def answer(self, form: Form) -> Reply:
        """See Call."""
        batch_id, user = self.arguments[0], self.scope.principal.user
        jobs = await self.context.jobs.open()
        found = [await jobs.get(user, job_id) for job_id in self._batches.of(user, batch_id)]
        results = [await self.shown(job) for job in found]
        return self.success({"batchId": batch_id, "extractResult": results})


class JobResult(JobsApi):
    """GET /ID/result: JSON Lines, a line for each page; the URL is signed and needs no key."""

    methods = ("GET", "HEAD")
    needs: Scope | None = None

    def __init__(self, *given: Any, urls: ResultUrls) -> None:
        super().__init__(*given)
        self._urls = urls

    async def answer(self, form: Form) -> Reply:
        """See Call."""
        names = ("user", "expires", "signature")
        user, expires, signature = (self.query(name) or "" for name in names)
        job_id = self.arguments[0]
        jobs = await self.context.jobs.open()
        await self._urls.check(user, job_id, expires, signature)
        job = await jobs.get(user, job_id)
        if not job.finished:
            raise NotFinished(f"the job is {job.state}; wait for its end")
        if job.error is not None:
            return self.problem(error_of_code(job.error.code, job.error.message))
        if job.state == "cancelled":
            raise Conflict("the job was cancelled and has no result")
        kind, pages = await job_pages(jobs, job)
        rendering = job.rendering
        score = rendering.drop_score
        shown = self.context.default_options.shown_score if score is None else score
        write = layout_results if rendering.layout else ocr_results

        def line(page: PageResult) -> bytes:
            return dump({"result": write([page.result], rendering, None, shown, kind)}) + b"\n"

        return Reply(200, {"Content-Type": LINES_TYPE}, (), stream=written(pages, line))


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")


def targets(context: ServerContext) -> Targets:
    """The target of each route, by its name."""
    urls, batches = ResultUrls(context), JobsOfBatches()
    return {
        "submit": Target(functools.partial(Submission, batches=batches)),
        "job": Target(functools.partial(JobStatus, urls=urls, batches=batches), "call"),
        "batch": Target(functools.partial(BatchState, urls=urls, batches=batches), "call"),
        "result": Target(functools.partial(JobResult, urls=urls), "call"),
    }
