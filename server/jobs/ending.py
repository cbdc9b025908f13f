"""How a job has ended, and what is not needed after that."""

from __future__ import annotations

import logging
from collections.abc import Callable

from ocr_engine.errors import EngineError
from server.errors import ServiceError
from server.formats.answer import Answer
from server.formats.registry import needs_image
from server.jobs.held import Held
from server.jobs.record import JobError, KnownJobError
from server.jobs.rows import End, JobRow
from server.jobs.stored_request import document_in

Explain = Callable[[BaseException], JobError]  # what clients see of an error

log = logging.getLogger(__name__)


def unneeded(row: JobRow, end: End, is_ended: bool) -> list[str]:
    """The blobs to delete after a job: its image, unless its format needs it again.

    A document stays as long as its result.

    If another process has ended the job, it is the new result.
    """
    if not is_ended:
        return [end.result_blob] if end.result_blob else []
    keeps_image = end.answer is not None and needs_image(row.format)
    is_document = document_in(row.request) is not None
    return [] if keeps_image or is_document else [row.input_blob]


def done(answer: Answer, held: Held) -> End:
    """The end of the job of an image that has this answer."""
    seconds = sum(time for stage, time in answer.stages.items() if stage != "queue")
    outcome = held.ticket.outcome if held.ticket is not None else None
    used = seconds if outcome == "miss" else 0.0
    return End("done", outcome=outcome, seconds=used, answer=answer)


def failed(error: Exception, explain: Explain) -> End:
    """The end of a job that has failed with this error; one that nobody expects is logged."""
    if not isinstance(error, ServiceError | EngineError):
        log.error("a job failed", exc_info=error)
    shown = explain(error)
    return End("failed", error=KnownJobError(shown.code, shown.message))
