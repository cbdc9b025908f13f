"""The client for threads."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
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


class OcrClient:
    """A client of one server; one for all threads. Use it in `with`, or close it.

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
        self._http = httpx2.Client(**settings(url, key, timeout))

    def __enter__(self) -> OcrClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def recognize(
        self, image: Image, *, idempotency_key: str | None = None, **options: Unpack[Options]
    ) -> Result:
        """The text of an image, with its lines; OcrError or NoAnswer."""
        return self._run(flows.recognize(image, options, idempotency_key, self._retries))

    def recognize_as(
        self,
        image: Image,
        format: str,
        *,
        idempotency_key: str | None = None,
        **options: Unpack[Options],
    ) -> bytes:
        """The result of an image in another format: text, tsv, hocr, alto, markdown or others."""
        return self._run(flows.recognize_as(image, format, options, idempotency_key, self._retries))

    def start_job(
        self,
        image: Image,
        *,
        idempotency_key: str | None = None,
        webhook_url: str | None = None,
        **options: Unpack[Options],
    ) -> Job:
        """Start a job. Only with an idempotency_key is it sent again after a lost connection."""
        return self._run(
            flows.start_job(
                image, _with_webhook(options, webhook_url), idempotency_key, self._retries
            )
        )

    def job(self, job: Job | str, *, wait: float = 0.0) -> Job:
        """The state of a job; after its end, or after `wait` seconds (30 at most)."""
        return self._run(flows.get_job(_id(job), self._retries, wait))

    def wait(self, job: Job | str, seconds: float | None = None) -> Result:
        """Wait for the result of a job; OcrError if it failed, TimeoutError after `seconds`."""
        return self._run(flows.wait_for_job(_id(job), seconds, self._retries))

    def result(self, job: Job | str, **options: Unpack[Options]) -> Result:
        """The result of a finished job, rendered in another way if options say so."""
        return self._run(flows.job_result(_id(job), options, self._retries))

    def result_as(self, job: Job | str, format: str, **options: Unpack[Options]) -> bytes:
        """The result of a finished job in another format."""
        return self._run(flows.job_result_as(_id(job), format, options, self._retries))

    def cancel(self, job: Job | str) -> None:
        """Cancel an unfinished job."""
        self._run(flows.cancel_job(_id(job), self._retries))

    def erase(self, job: Job | str) -> None:
        """Delete a finished job and its result."""
        self._run(flows.erase_job(_id(job), self._retries))

    def jobs(self, state: str | None = None) -> list[Job]:
        """Your jobs, the newest first."""
        return self._run(flows.list_jobs(state, self._retries))

    def start_batch(
        self,
        images: Sequence[Image],
        *,
        idempotency_key: str | None = None,
        webhook_url: str | None = None,
        **options: Unpack[Options],
    ) -> Batch:
        """Start a job for each image, with the same options for all."""
        return self._run(
            flows.start_batch(
                images, _with_webhook(options, webhook_url), idempotency_key, self._retries
            )
        )

    def batch(self, batch: Batch | str) -> Batch:
        """The state of a batch, with all its jobs."""
        return self._run(flows.get_batch(_id(batch), self._retries))

    def wait_for_batch(self, batch: Batch | str, seconds: float | None = None) -> Batch:
        """Wait until all jobs of a batch are finished; TimeoutError after `seconds`."""
        return self._run(flows.wait_for_batch(_id(batch), seconds, self._retries))

    def cancel_batch(self, batch: Batch | str) -> None:
        """Cancel the unfinished jobs of a batch."""
        self._run(flows.cancel_batch(_id(batch), self._retries))

    def usage(self) -> dict[str, Any]:
        """What you have used, by day."""
        return self._run(flows.get_json("/usage", self._retries))

    def health(self) -> dict[str, Any]:
        """The state of the server."""
        return self._run(flows.get_json("/healthz", self._retries))

    def events(self, job: Job | str) -> Iterator[Event]:
        """The changes of a job until its end, as they happen."""
        parser = SseParser()
        while True:
            try:
                with self._http.stream(**event_request(_id(job), parser)) as response:
                    if response.status_code >= 400:
                        raise_for_events(response, response.read())
                    for piece in response.iter_text():
                        for event in parser.feed(piece):
                            yield event
                            if event.name == "end":
                                return
            except httpx2.TransportError as error:
                parser.lost(error, self._retries)
            time.sleep(self._retries.first)

    def _run(self, flow: Flow[T]) -> T:
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
                time.sleep(step.seconds)
            else:
                outcome = self._call(step)

    def _call(self, call: Call) -> Answer | Lost:
        try:
            return answer_of(self._http.request(**request_arguments(call)))
        except httpx2.TransportError as error:
            return lost(error)
