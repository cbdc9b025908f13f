"""POST /batches and /batch: many files, and fields for all of them."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tornado.httputil import HTTPHeaders, HTTPServerRequest

from ocr_engine.options import RecognitionOptions
from server.blobs.store import Inputs
from server.errors import BadField, BodyTooLarge
from server.http.batch_replies import batch_json
from server.http.context import ServerContext
from server.http.errors import PublicError
from server.http.gate import key_in
from server.http.replies import Reply, job_json, json_reply, problem_reply
from server.http.request_scope import RequestScope
from server.intake.body import BodyReader, body_reader
from server.intake.fields import Form, checked, is_given
from server.intake.files import ArrivingFiles
from server.intake.request import OcrRequest
from server.intake.request_fields import (
    COMMON_FIELDS,
    OPTION_FIELDS,
    REQUEST_FIELDS,
    check_known,
    request_for,
)
from server.jobs.batch_record import BatchFile, BatchRecord
from server.jobs.record import JobRecord
from server.jobs.stored_request import StoredImage
from server.principal import Scope

if TYPE_CHECKING:
    from server.http.batch_bodies import AcceptedBatch

THRESHOLD = "threshold"
THRESHOLD_OPTION = "det_db_box_thresh"
RETRY_AFTER = 1


@dataclass(frozen=True, slots=True)
class CommonFields:
    """The fields for all files; a file's own fields override them."""

    fields: Mapping[str, Any]
    defaults: RecognitionOptions
    read_cache: bool

    @property
    def block(self) -> bool:
        """Whether the client waits for the results."""
        return bool(self.fields["block_flag"])

    @property
    def webhook_url(self) -> str | None:
        """Where a message is sent when the batch ends."""
        return self.fields.get("webhook_url")

    def request(self, file: BatchFile, inputs: Inputs) -> OcrRequest:
        """The request for one file, whose image is in inputs."""
        read = functools.partial(inputs.get, file.blob)
        source = StoredImage(file.size, file.digests, read)
        fields = {**self.fields, **file.options}
        return request_for(lambda: source, fields, self.defaults, self.read_cache)


class BatchApi:
    """How one request with many files is read and answered; see BodyApi."""

    methods = ("POST",)
    needs: Scope | None = "read"
    fields: Sequence[str] = COMMON_FIELDS
    block = False

    def __init__(
        self, context: ServerContext, request: HTTPServerRequest, scope: RequestScope
    ) -> None:
        self.files = ArrivingFiles(context.settings.jobs.max_batch_files, context.max_body_bytes)
        self._request = request
        self._scope = scope
        self._defaults = context.default_options
        self._models = context.service.engine.models
        self._most = int(context.settings.jobs.max_batch_mb * (1 << 20))

    def key(self, headers: HTTPHeaders) -> str | None:
        """See BodyApi."""
        return key_in(headers)

    def reader(self) -> BodyReader:
        """See BodyApi."""
        if self._request.query:
            raise BadField("send the fields in the body, not in the query string")
        admission = self._scope.admission
        if admission is not None and admission.limits.max_body_bytes:
            self.files.max_bytes = min(self.files.max_bytes, admission.limits.max_body_bytes)
        content_type = self._request.headers.get("Content-Type", "")
        return body_reader(content_type, raw_image=False, files=self.files)

    def check_length(self, length: int) -> None:
        """BodyTooLarge for a body that is too large as a whole."""
        if length > self._most:
            raise BodyTooLarge(f"the body is larger than the limit of {self._most} bytes")

    def parse_common(self, form: Form) -> CommonFields:
        """Check the fields for all files; BadField or UnknownModels."""
        check_known(form.fields, self.fields)
        given = {name: value for name, value in form.fields.items() if is_given(value)}
        fields = {"block_flag": self.block, **given}
        fields["block_flag"] = checked(
            "block_flag", fields["block_flag"], REQUEST_FIELDS["block_flag"]
        )
        if THRESHOLD in fields:
            if THRESHOLD_OPTION in fields:
                raise BadField(f"{THRESHOLD} and {THRESHOLD_OPTION} are the same; send one of them")
            value = fields.pop(THRESHOLD)
            fields[THRESHOLD_OPTION] = checked(THRESHOLD, value, OPTION_FIELDS[THRESHOLD_OPTION])
        read_cache = "no-cache" not in self._request.headers.get("Cache-Control", "").lower()
        request = request_for(lambda: _NO_IMAGE, fields, self._defaults)
        self._models.find(request.options.models)
        return CommonFields(fields, self._defaults, read_cache)

    def accepted(self, batch: BatchRecord, jobs: Sequence[JobRecord]) -> Reply:
        """The reply with a batch and all its jobs."""
        prefix = self._scope.prefix
        url = f"{prefix}/batches/{batch.batch_id}"
        headers = {"Location": url, "Operation-Location": url, "Retry-After": str(RETRY_AFTER)}
        body: AcceptedBatch = {
            "status": "accepted",
            "batch": batch_json(batch, prefix),
            "jobs": [job_json(job, prefix) for job in jobs],
            "request_id": self._scope.request_id,
        }
        return json_reply(body, 202, headers)

    def problem(self, problem: PublicError) -> Reply:
        """See BodyApi."""
        return problem_reply(problem, self._scope.request_id)


class WaitingBatchApi(BatchApi):
    """POST /batch: the client waits for the results, unless block_flag is false."""

    fields = (*COMMON_FIELDS, "block_flag", THRESHOLD)
    block = True

    def parse_common(self, form: Form) -> CommonFields:
        """Check the fields for all files; BadField."""
        common = super().parse_common(form)
        if common.block and common.fields.get("format", "json") != "json":
            raise BadField("format: /batch answers in JSON; for others, send block_flag=false")
        return common


async def _nothing() -> bytes:
    return b""


_NO_IMAGE = StoredImage(0, BatchFile().digests, _nothing)
