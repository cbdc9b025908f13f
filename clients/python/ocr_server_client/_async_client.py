"""The client for asyncio."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any, TypeVar, Unpack

import httpx2

from ocr_server_client import _flows as flows
from ocr_server_client._http import (
    DEFAULT_URL,
    SseParser,
    answer_of,
    event_request,
    lost,
    raise_for_events,
    request_arguments,
    settings,
)
from ocr_server_client._http import id_of as _id
from ocr_server_client._http import with_webhook as _with_webhook
from ocr_server_client._options import Image, Options
from ocr_server_client._results import Batch, Event, Job, Result
from ocr_server_client._steps import Answer, Call, Flow, Lost, Pause, Retries

T = TypeVar("T")


class AsyncOcrClient:
    """A client of one server; one for all tasks. Use it in `async with`, or close it.

    key: of the server, if it requires keys. timeout: seconds for one attempt, with the wait for a
    worker. retries: how long it tries again while the server is busy or away; see Retries.
    """

    def __init__(
        self,
        url: str = DEFAULT_URL,
        key: str | None = None,
        timeout: float = 300.0,
        retries: Retries | None = None,
    ) -> None:
        self._retries = Retries() if retries is None else retries
        self._http = httpx2.AsyncClient(**settings(url, key, timeout))

    async def __aenter__(self) -> AsyncOcrClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def recognize(
        self, image: Image, *, idempotency_key: str | None = None, **options: Unpack[Options]
    ) -> Result:
        """The text of an image, with its lines; OcrError or NoAnswer."""
        return await self._run(flows.recognize(image, options, idempotency_key, self._retries))

    async def recognize_as(
        self,
        image: Image,
        format: str,
        *,
        idempotency_key: str | None = None,
        **options: Unpack[Options],
    ) -> bytes:
        """The result of an image in another format: text, tsv, hocr, alto, markdown or others."""
        return await self._run(
            flows.recognize_as(image, format, options, idempotency_key, self._retries)
        )

    async def start_job(
        self,
        image: Image,
        *,
        idempotency_key: str | None = None,
        webhook_url: str | None = None,
        **options: Unpack[Options],
    ) -> Job:
        """Start a job. Only with an idempotency_key is it sent again after a lost connection."""
        return await self._run(
            flows.start_job(
                image, _with_webhook(options, webhook_url), idempotency_key, self._retries
            )
        )

    async def job(self, job: Job | str, *, wait: float = 0.0) -> Job:
        """The state of a job; after its end, or after `wait` seconds (30 at most)."""
        return await self._run(flows.get_job(_id(job), self._retries, wait))

    async def wait(self, job: Job | str, seconds: float | None = None) -> Result:
        """Wait for the result of a job; OcrError if it failed, TimeoutError after `seconds`."""
        return await self._run(flows.wait_for_job(_id(job), seconds, self._retries))

    async def result(self, job: Job | str, **options: Unpack[Options]) -> Result:
        """The result of a finished job, rendered in another way if options say so."""
        return await self._run(flows.job_result(_id(job), options, self._retries))

    async def result_as(self, job: Job | str, format: str, **options: Unpack[Options]) -> bytes:
        """The result of a finished job in another format."""
        return await self._run(flows.job_result_as(_id(job), format, options, self._retries))

    async def cancel(self, job: Job | str) -> None:
        """Cancel an unfinished job."""
        await self._run(flows.cancel_job(_id(job), self._retries))

    async def erase(self, job: Job | str) -> None:
        """Delete a finished job and its result."""
        await self._run(flows.erase_job(_id(job), self._retries))

    async def jobs(self, state: str | None = None) -> list[Job]:
        """Your jobs, the newest first."""
        return await self._run(flows.list_jobs(state, self._retries))

    async def start_batch(
        self,
        images: Sequence[Image],
        *,
        idempotency_key: str | None = None,
        webhook_url: str | None = None,
        **options: Unpack[Options],
    ) -> Batch:
        """Start a job for each image, with the same options for all."""
        return await self._run(
            flows.start_batch(
                images, _with_webhook(options, webhook_url), idempotency_key, self._retries
            )
        )

    async def batch(self, batch: Batch | str) -> Batch:
        """The state of a batch, with all its jobs."""
        return await self._run(flows.get_batch(_id(batch), self._retries))

    async def wait_for_batch(self, batch: Batch | str, seconds: float | None = None) -> Batch:
        """Wait until all jobs of a batch are finished; TimeoutError after `seconds`."""
        return await self._run(flows.wait_for_batch(_id(batch), seconds, self._retries))

    async def cancel_batch(self, batch: Batch | str) -> None:
        """Cancel the unfinished jobs of a batch."""
        await self._run(flows.cancel_batch(_id(batch), self._retries))

    async def usage(self) -> dict[str, Any]:
        """What you have used, by day."""
        return await self._run(flows.get_json("/usage", self._retries))

    async def health(self) -> dict[str, Any]:
        """The state of the server."""
        return await self._run(flows.get_json("/healthz", self._retries))

    async def events(self, job: Job | str) -> AsyncIterator[Event]:
        """The changes of a job until its end, as they happen."""
        parser = SseParser()
        while True:
            try:
                async with self._http.stream(**event_request(_id(job), parser)) as response:
                    if response.status_code >= 400:
                        raise_for_events(response, await response.aread())
                    async for piece in response.aiter_text():
                        for event in parser.feed(piece):
                            yield event
                            if event.name == "end":
                                return
            except httpx2.TransportError as error:
                parser.lost(error, self._retries)
            await asyncio.sleep(self._retries.first)

    async def _run(self, flow: Flow[T]) -> T:
        """Do the steps of a flow."""
        outcome: Answer | Lost | None = None
        while True:
            try:
                step = flow.send(outcome)
            except StopIteration as end:
                result: T = end.value
                return result
            outcome = None
            if isinstance(step, Pause):
                await asyncio.sleep(step.seconds)
            else:
                outcome = await self._call(step)

    async def _call(self, call: Call) -> Answer | Lost:
        try:
            return answer_of(await self._http.request(**request_arguments(call)))
        except httpx2.TransportError as error:
            return lost(error)
