"""Replies: status, headers and body of answers and errors, before they are sent."""

from __future__ import annotations

import asyncio
import functools
import logging
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from email.utils import formatdate
from typing import TYPE_CHECKING, Any, NamedTuple

from ocr_engine.errors import QueueFull
from server.formats.answer import Answer, Body, CacheOutcome, Envelope
from server.formats.json_text import JSON_TYPE, dump
from server.formats.registry import render, weight_of
from server.formats.rendering import Rendering
from server.http.errors import PublicError, public_error
from server.intake.fields import INLINE_BYTES
from server.jobs.record import JobRecord
from server.service.inflight import InflightBytes
from server.service.outgoing import SMALL_BYTES

if TYPE_CHECKING:
    from server.formats.converting import ConvertedDocument
    from server.http.json_bodies import ErrorBody, JobBody

log = logging.getLogger("server.request")


REPLAYED = "Idempotent-Replayed"  # the reply is that of an earlier request
CHANGES = "X-Pdf-Changes"  # what a PDF/A could not have
FAILED_PAGES = "X-Failed-Pages"
MOST_NAMED = 100  # failed pages in a header
MOST_HEADER_CHARACTERS = 2000


class Reply(NamedTuple):
    """Status, headers and body; `error`: the error code, or empty.

    stream: parts of the body that are sent as they come, after `body`; None for most replies.
    """

    status: int
    headers: Mapping[str, str]
    body: Body
    error: str = ""
    stream: AsyncGenerator[bytes, None] | None = None

    @property
    def length(self) -> int:
        """The number of bytes in the body."""
        return sum(map(len, self.body))


def common_headers(request_id: str) -> dict[str, str]:
    """The headers of every answer."""
    return {
        "Server": "ocr-server",
        "Date": _date(int(time.time())),
        "X-Request-Id": request_id,
        "X-Content-Type-Options": "nosniff",
    }


def json_reply(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
    """A reply with a JSON body."""
    return Reply(status, {"Content-Type": JSON_TYPE, **(headers or {})}, (dump(value),))


def answer_reply(answer: Answer, rendering: Rendering, envelope: Envelope) -> Reply:
    """The reply with a result as it was asked for."""
    content_type, body = render(answer, rendering, envelope)
    headers = answer_headers(answer, envelope.outcome, envelope.elapsed_ms)
    return Reply(200, {"Content-Type": content_type, **headers}, body)


def answer_headers(answer: Answer, outcome: CacheOutcome, elapsed_ms: float) -> dict[str, str]:
    """The headers of the reply with a result, the same in all dialects."""
    headers = {"X-Cache": outcome, "Server-Timing": server_timing(answer, elapsed_ms)}
    if answer.age is not None:
        headers["Age"] = str(int(answer.age))
    if answer.changes:
        headers[CHANGES] = header_text("; ".join(answer.changes))
    return headers


def converted_reply(made: ConvertedDocument, headers: Mapping[str, str]) -> Reply:
    """The reply with a converted document, streamed from its file."""
    more = {"Content-Type": made.media_type, "Content-Length": str(made.file.size)}
    if made.changes:
        more[CHANGES] = header_text("; ".join(made.changes))
    return Reply(
        200, {**headers, **more, **failed_pages(made.failed)}, (), stream=made.file.parts()
    )


def failed_pages(numbers: Sequence[int]) -> dict[str, str]:
    """The header that names pages without a result; none if there are no such pages."""
    return {FAILED_PAGES: ", ".join(map(str, numbers[:MOST_NAMED]))} if numbers else {}


def header_text(text: str) -> str:
    """The text for a header: one line of ASCII, not too long."""
    plain = "".join(each if " " <= each <= "~" else "?" for each in text)
    return plain[:MOST_HEADER_CHARACTERS]


async def rendered_reply(answer: Answer, rendering: Rendering, envelope: Envelope) -> Reply:
    """answer_reply(), in a thread for a very long text."""
    if is_long(answer, rendering):
        return await asyncio.to_thread(answer_reply, answer, rendering, envelope)
    return answer_reply(answer, rendering, envelope)


def is_long(answer: Answer, rendering: Rendering) -> bool:
    """Whether writing the answer takes so long that it needs a thread."""
    return len(answer.result.json) * weight_of(rendering) > INLINE_BYTES


def server_timing(answer: Answer, total_ms: float) -> str:
    """The value of the Server-Timing header: stages in milliseconds."""
    entries = [f"{name};dur={seconds * 1000:.1f}" for name, seconds in answer.stages.items()]
    if answer.age is not None:
        entries.append("cache;desc=hit")
    return ", ".join([*entries, f"total;dur={total_ms:.1f}"])


def admitted(
    reply: Reply, inflight: InflightBytes, problem: Callable[[BaseException], Reply]
) -> Reply:
    """The reply, or 503 if it is not small and too many bytes of answers are unsent."""
    if inflight.outgoing.total and reply.length > SMALL_BYTES:
        try:
            inflight.check_answer(reply.body)
        except QueueFull as error:
            return problem(error)
    return reply


def logged_problem(error: BaseException, request_id: str) -> PublicError:
    """The error as the client sees it; unexpected errors are logged with the request id."""
    problem = public_error(error)
    if problem.status == 500:
        log.error("request %s failed", request_id, exc_info=error)
    return problem


def problem_reply(problem: PublicError, request_id: str) -> Reply:
    """The reply for an error, in the server's own format."""
    reply = json_reply(error_body(problem, request_id), problem.status, problem_headers(problem))
    return reply._replace(error=problem.code)


def problem_headers(problem: PublicError) -> dict[str, str]:
    """The headers of the reply for an error, the same in all dialects."""
    headers = dict(problem.headers)
    if problem.retry_after is not None:
        headers["Retry-After"] = str(problem.retry_after)
    if problem.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return headers


def error_body(problem: PublicError, request_id: str) -> ErrorBody:
    """The JSON body of an error."""
    return {
        "status": "error",
        "error": {"code": problem.code, "message": problem.message, "request_id": request_id},
    }


def job_json(job: JobRecord, prefix: str) -> JobBody:
    """The JSON of a job; prefix: of the server's paths."""
    fields: JobBody = {
        "id": job.job_id,
        "state": job.state,
        "url": f"{prefix}/jobs/{job.job_id}",
        "progress": {
            "pages_total": job.pages_total,
            "pages_done": job.pages_done,
            "pages_failed": job.pages_failed,
        },
        "attempts": job.attempts,
        "created_at": round(job.created_at, 3),
    }
    if job.batch_id is not None:
        fields["batch"] = f"{prefix}/batches/{job.batch_id}"
        fields["number"] = job.number
    if job.expires_at is not None:
        fields["expires_at"] = round(job.expires_at, 3)
    if job.state == "queued" and job.position:
        fields["position"] = job.position
    if job.error is not None:
        fields["error"] = {"code": job.error.code, "message": job.error.message}
    return fields


@functools.lru_cache(maxsize=1)
def _date(seconds: int) -> str:
    """The Date header for this second; cached, as many answers are sent per second."""
    return formatdate(seconds, usegmt=True)
