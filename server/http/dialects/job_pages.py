"""The pages of a job's result, one after the other: of a document, or the only one of an image."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import NamedTuple

from cache.stored_result import StoredResult
from server.formats.pages import PageResult
from server.jobs.record import JobRecord, Jobs


class JobPages(NamedTuple):
    """kind: of the document; empty for an image."""

    kind: str
    pages: AsyncGenerator[PageResult, None]


async def job_pages(jobs: Jobs, job: JobRecord) -> JobPages:
    """The pages of a job that is done; Gone."""
    if job.is_document:
        kept = await jobs.pages(job)
        return JobPages(kept.kind, kept.read())
    return JobPages("", _only((await jobs.answer(job)).result))


async def written(
    pages: AsyncGenerator[PageResult, None], write: Callable[[PageResult], bytes]
) -> AsyncGenerator[bytes, None]:
    """What is written of each page, in a thread, when it is needed."""
    try:
        async for page in pages:
            yield await asyncio.to_thread(write, page)
    finally:
        await pages.aclose()


async def _only(result: StoredResult) -> AsyncGenerator[PageResult, None]:
    yield PageResult(1, result)
