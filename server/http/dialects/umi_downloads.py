"""Files of documents in Umi-OCR's API: /api/doc/download gives a URL, from which they are sent."""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import quote, urlencode

from server.errors import BadField, NotFinished, NotFound
from server.http.context import ServerContext
from server.http.dialects.dialect import Target, Targets
from server.http.dialects.result_urls import ResultUrls
from server.http.dialects.umi_documents import (
    OF_TASKS,
    STATES,
    Clear,
    DocApi,
    Result,
    Upload,
)
from server.http.dialects.umi_files import PDF, SUFFIXES, ZIP_SUFFIX, DocumentFiles
from server.http.dialects.umi_replies import DONE, ascii_reply
from server.http.dialects.umi_tasks import Tasks
from server.http.errors import PublicError
from server.http.replies import Reply
from server.intake.fields import Form, is_given
from server.jobs.record import JobRecord, KeptPages
from server.principal import Scope

PATH = "/api/doc/download"
_OF_DOWNLOADS = {
    **OF_TASKS,
    "not_finished": 201,
    "conflict": 201,
    "pdf_signed": 203,
    "pdf_encrypted": 203,
    "pdf_broken": 203,
}


class Download(DocApi):
    """POST /api/doc/download: the URL of the document in the types of files that are asked for."""

    codes = _OF_DOWNLOADS
    _code: int | None = None

    async def answer(self, form: Form) -> Reply:
        """See Call."""
        given = form.fields
        jobs, job = await self.job(self.scope.principal.user, given.get("id"))
        types = given.get("file_types") or [PDF]
        if not isinstance(types, list) or not set(map(str, types)) <= set(SUFFIXES):
            self._code = 202
            raise BadField(f"file_types must be a list of some of {', '.join(SUFFIXES)}")
        if job.state != "done":
            raise NotFinished(f"the document is {STATES[job.state]}; wait until it is success")
        types = list(dict.fromkeys(types))
        if PDF in types:
            await self._check_pdf(await jobs.pages(job), job)
        task = self.tasks.of(job.user, job.job_id)
        name = task.stem + (SUFFIXES[types[0]] if len(types) == 1 else ZIP_SUFFIX)
        ignored = (given.get(each) for each in ("ignore_blank", "ingore_blank"))  # both are sent
        with_blank = any(is_given(each) and each is not True for each in ignored)
        query = urlencode({"types": ",".join(types), "blank": int(with_blank)})
        signed = await self.urls.query(job.user, job.job_id)
        path = f"{PATH}/{job.job_id}/{quote(name)}?{query}&{signed}"
        return ascii_reply({"code": DONE, "data": self.url(path), "name": name})

    def code_of(self, problem: PublicError) -> int:
        """The code of an error."""
        return self._code or super().code_of(problem)

    async def _check_pdf(self, kept: KeptPages, job: JobRecord) -> None:
        """The error if the document cannot be written as a searchable PDF."""
        descriptor = await kept.open()
        try:
            as_pdf = replace(job.rendering, format="pdf")
            await self.context.converter.check_document(descriptor, as_pdf)
        finally:
            os.close(descriptor)


class Files(DocApi):
    """GET /api/doc/download/ID/NAME: the file; the URL is signed and needs no key."""

    methods = ("GET",)
    needs: Scope | None = None

    async def answer(self, form: Form) -> Reply:
        """See Call."""
        names = ("user", "expires", "signature", "types")
        user, expires, signature, listed = (self.query(name) or "" for name in names)
        job_id, name = self.arguments
        await self.context.jobs.open()
        await self.urls.check(user, job_id, expires, signature)
        jobs, job = await self.job(user, job_id)
        types = [each for each in listed.split(",") if each in SUFFIXES]
        if job.state != "done" or not types:
            raise NotFound("there is no such file; ask /api/doc/download for its URL")
        task = self.tasks.of(user, job_id)
        files = DocumentFiles(
            await jobs.pages(job),
            job.rendering,
            task.view,
            task.stem,
            self.query("blank") == "1",
            self.context.converter,
        )
        made = await files.made(types)
        headers = {
            "Content-Type": "application/octet-stream",
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name)}",
            "Content-Length": str(made.size),
        }
        return Reply(200, headers, (), stream=made.parts())

    def problem(self, problem: PublicError) -> Reply:
        """See BodyApi; with the status of the error, as clients would save the answer."""
        return super().problem(problem)._replace(status=problem.status)


def targets(context: ServerContext) -> Targets:
    """The target of each route of documents, by its name."""
    urls = ResultUrls(context, purpose="the files of a document")  # also the document itself
    given: Mapping[str, Any] = {"tasks": Tasks(), "urls": urls}
    calls: Sequence[tuple[str, type[DocApi]]] = (
        ("doc_result", Result),
        ("doc_download", Download),
        ("doc_file", Files),
        ("doc_clear", Clear),
    )
    return {
        "doc_upload": Target(functools.partial(Upload, **given)),
        **{name: Target(functools.partial(api, **given), "call") for name, api in calls},
    }
