"""Documents in Umi-OCR's API: /api/doc/upload starts a job, the other calls ask for it."""

from __future__ import annotations

import contextlib
import functools
import json
import time
from collections.abc import AsyncGenerator, Mapping
from typing import Any

from ocr_engine.documents.kinds import START_BYTES, kind_of
from ocr_engine.errors import UnsupportedFormat
from server.errors import BadField, MissingFile, NotFound
from server.formats.pages import PageResult
from server.http.dialects.foreign import ForeignApi, JobDialect, any_body, flag, json_object
from server.http.dialects.job_pages import written
from server.http.dialects.result_urls import ResultUrls
from server.http.dialects.umi_options import document_fields, own_fields
from server.http.dialects.umi_pages import page_content, page_text, view_of
from server.http.dialects.umi_replies import (
    DONE,
    NOT_NOW,
    TYPE,
    ascii_json,
    ascii_reply,
    problem_reply,
)
from server.http.dialects.umi_tasks import Task, Tasks, safe_name
from server.http.errors import PublicError
from server.http.replies import Reply
from server.intake.body import BodyReader
from server.intake.fields import Form
from server.intake.request import OcrRequest
from server.jobs.record import JobRecord, Jobs, JobState, KeptPages
from server.principal import Scope

STATES: dict[JobState, str] = {
    "queued": "waiting",
    "running": "running",
    "done": "success",
    "failed": "failure",
    "cancelled": "failure",
}
_OF_UPLOADS = {
    "missing_file": 101,
    "unsupported_format": 103,
    "body_too_large": 106,
    "pdf_broken": 201,
    "pdf_encrypted": 202,
}
OF_TASKS = {
    "bad_request": 101,
    "missing_file": 102,
    "bad_field": 102,
    "not_found": 103,
    "gone": 103,
}
_CLEARED = {"not_found": 101, "gone": 101}


class DocApi(ForeignApi):
    """How errors are written. tasks: of all users. codes: of errors; 902 for all others."""

    needs: Scope | None = "jobs"
    codes: Mapping[str, int] = OF_TASKS

    def __init__(self, *given: Any, tasks: Tasks, urls: ResultUrls) -> None:
        super().__init__(*given)
        self.tasks = tasks
        self.urls = urls

    def problem(self, problem: PublicError) -> Reply:
        """See BodyApi."""
        body = {"code": self.code_of(problem), "data": self.message_of(problem)}
        return problem_reply(problem, body)

    def code_of(self, problem: PublicError) -> int:
        """The code of an error."""
        return self.codes.get(problem.code, NOT_NOW)

    async def job(self, user: str, job_id: Any) -> tuple[Jobs, JobRecord]:
        """The job of a document; NotFound."""
        if not isinstance(job_id, str) or not job_id:
            raise MissingFile("id is missing; send the id that /api/doc/upload has given")
        jobs = await self.context.jobs.open()
        job = await jobs.get(user, job_id)
        if not job.is_document:
            raise NotFound("no document has this id")
        return jobs, job


class Upload(DocApi, JobDialect):
    """POST /api/doc/upload: a form with `file`, and options as JSON in `json`."""

    needs: Scope | None = "read"
    codes = _OF_UPLOADS
    _code = 101
    _task = Task()

    def reader(self) -> BodyReader:
        """See BodyApi."""
        content_type = self.request.headers.get("Content-Type", "")
        return any_body(content_type, spool_above=self.spool_above)

    def parse(self, form: Form) -> OcrRequest:
        """See Dialect; the code of an error says how far this came."""
        source = self.uploaded(form.upload, "the form part `file`")
        upload = form.upload
        if kind_of(upload[:START_BYTES] if isinstance(upload, bytes) else upload.start) is None:  # type: ignore[union-attr]
            raise UnsupportedFormat(
                "the file is no document; accepted are PDF, TIFF and GIF; send images to /api/ocr"
            )
        self._code = 107
        options = json_object(form.fields.get("json") or {}, "json")
        self._code = 108
        models = self.context.service.engine.models
        self._task = Task(safe_name(form.filename), view_of(options))
        fields = {**own_fields(options, models), **document_fields(options)}
        return self.ask(source, fields, block=False)

    def accepted(self, job: JobRecord) -> Reply:
        """See Dialect."""
        self.tasks.add(job.user, job.job_id, self._task)
        return ascii_reply({"code": DONE, "data": job.job_id})

    def code_of(self, problem: PublicError) -> int:
        """The code of an error."""
        is_left = problem.status in (400, 413) and problem.code not in self.codes
        return self._code if is_left else super().code_of(problem)


class Result(DocApi):
    """POST /api/doc/result: the state of a document, and the pages that were not asked for yet."""

    async def answer(self, form: Form) -> Reply:
        """See Call."""
        given = form.fields
        jobs, job = await self.job(self.scope.principal.user, given.get("id"))
        form_of_data = given.get("format") or "dict"
        if form_of_data not in ("dict", "text"):
            raise BadField("format must be dict or text")
        head: dict[str, Any] = {
            "code": DONE,
            "processed_count": job.pages_done + job.pages_failed,
            "pages_count": job.pages_total,
            "is_done": job.finished,
            "state": STATES[job.state],
        }
        if job.finished and job.state != "done":
            head["message"] = job.error.message if job.error else "the document was cleared"
        if not flag(given, "is_data") or "message" in head:
            return ascii_reply({**head, "data": []})
        kept = await jobs.pages(job)
        only_unread = given.get("is_unread") is None or flag(given, "is_unread")
        return Reply(200, TYPE, (), stream=self._parts(head, job, kept, form_of_data, only_unread))

    async def _parts(
        self,
        head: Mapping[str, Any],
        job: JobRecord,
        kept: KeptPages,
        form_of_data: str,
        only_unread: bool,
    ) -> AsyncGenerator[bytes, None]:
        """The body, page by page."""
        as_text = form_of_data == "text"
        opening, closing, between = (b'"', b'"', b"\\n") if as_text else (b"[", b"]", b",")
        task = self.tasks.of(job.user, job.job_id)
        write = functools.partial(_text if as_text else self._item, job, kept, task)
        yield ascii_json(head)[:-1] + b', "data": ' + opening
        before = b""
        async with contextlib.aclosing(written(_noted(kept, task, only_unread), write)) as shown:
            async for page in shown:
                if page:
                    yield before + page
                    before = between
        yield closing + b"}"

    def _item(self, job: JobRecord, kept: KeptPages, task: Task, page: PageResult) -> bytes:
        view = task.view.at(page.page, kept.page_count)
        return ascii_json(
            {
                **page_content(page, view, job.rendering.order, as_text=False),
                "time": round(job.elapsed_ms / 1000 / max(1, job.pages_done), 4),
                "timestamp": time.time(),
                "page": page.page,
                "path": task.name,
                "fileName": task.name,
            }
        )


class Clear(DocApi):
    """GET /api/doc/clear/ID: ends the job, and deletes the document and its pages."""

    methods = ("GET",)
    codes = _CLEARED

    async def answer(self, form: Form) -> Reply:
        """See Call."""
        jobs, job = await self.job(self.scope.principal.user, self.arguments[0])
        if not job.finished:
            await jobs.cancel(job.user, job.job_id)
        await jobs.erase(job.user, job.job_id)
        self.tasks.forget(job.user, job.job_id)
        self.scope.audit("job_erased", job.job_id)
        return ascii_reply({"code": DONE, "data": "Success"})


async def _noted(
    kept: KeptPages, task: Task, only_unread: bool
) -> AsyncGenerator[PageResult, None]:
    """The pages that are asked for; from now on, they count as read."""
    async with contextlib.aclosing(kept.read()) as pages:
        async for page in pages:
            if only_unread and page.page in task.read:
                continue
            task.read.add(page.page)
            yield page


def _text(job: JobRecord, kept: KeptPages, task: Task, page: PageResult) -> bytes:
    """The text of a page as a part of a JSON string."""
    view = task.view.at(page.page, kept.page_count)
    return json.dumps(page_text(page, view, job.rendering.order))[1:-1].encode()
