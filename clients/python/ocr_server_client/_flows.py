"""One flow for each thing that the clients do."""

from __future__ import annotations

import base64
import os
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

from ocr_server_client._errors import OcrError
from ocr_server_client._options import Image, ImageUrl, ServerFile
from ocr_server_client._results import Batch, Job, Result, batch_of, job_of, result_of
from ocr_server_client._steps import Answer, Call, Flow, Pause, Retries, answered

WAIT_SECONDS = 30.0  # of one request for the end of a job
BATCH_PAUSE_SECONDS = 1.0
PAGE = 100


def recognize(
    image: Image, options: Mapping[str, Any], key: str | None, retries: Retries
) -> Flow[Result]:
    """The result of an image."""
    answer = yield from answered(_post(image, {**options}, key), retries)
    return result_of(answer.json)


def recognize_as(
    image: Image, format: str, options: Mapping[str, Any], key: str | None, retries: Retries
) -> Flow[bytes]:
    """The result of an image in another format."""
    answer = yield from answered(_post(image, {**options, "format": format}, key), retries)
    return answer.body


def start_job(
    image: Image, options: Mapping[str, Any], key: str | None, retries: Retries
) -> Flow[Job]:
    """Start a job."""
    call = _post(image, {**options, "block_flag": False}, key, safe=key is not None)
    answer = yield from answered(call, retries)
    return job_of(answer.json["job"])


def get_job(job_id: str, retries: Retries, wait: float = 0.0) -> Flow[Job]:
    """The state of a job, after its end or so many seconds."""
    params = {"wait": min(wait, WAIT_SECONDS), "format": "json"}
    answer = yield from answered(Call("GET", f"/jobs/{job_id}", params), retries)
    return job_of(answer.json["job"])


def wait_for_job(job_id: str, seconds: float | None, retries: Retries) -> Flow[Result]:
    """The result of a job; OcrError if it failed or was cancelled, TimeoutError after seconds."""
    end = None if seconds is None else retries.clock() + seconds
    while True:
        left = WAIT_SECONDS if end is None else end - retries.clock()
        if left <= 0:
            raise TimeoutError(f"the job {job_id} is not finished after {seconds:g} s")
        job = yield from get_job(job_id, retries, left)
        if job.state == "done":
            return (yield from job_result(job_id, {}, retries))
        if job.state == "cancelled":
            raise OcrError("cancelled", f"the job {job_id} was cancelled")
        if job.error is not None:
            raise OcrError(job.error.code, job.error.message)


def job_result(job_id: str, options: Mapping[str, Any], retries: Retries) -> Flow[Result]:
    """The result of a finished job."""
    body = yield from _job_answer(job_id, {**options, "format": "json"}, retries)
    return result_of(body.json)


def job_result_as(
    job_id: str, format: str, options: Mapping[str, Any], retries: Retries
) -> Flow[bytes]:
    """The result of a finished job in another format."""
    body = yield from _job_answer(job_id, {**options, "format": format}, retries)
    return body.body


def cancel_job(job_id: str, retries: Retries) -> Flow[None]:
    """Cancel an unfinished job."""
    yield from answered(Call("DELETE", f"/jobs/{job_id}"), retries)


def erase_job(job_id: str, retries: Retries) -> Flow[None]:
    """Delete a finished job and its result."""
    yield from answered(Call("DELETE", f"/jobs/{job_id}", {"erase": "true"}), retries)


def list_jobs(state: str | None, retries: Retries) -> Flow[list[Job]]:
    """The caller's jobs, the newest first."""
    jobs: list[Job] = []
    params: dict[str, Any] = {"limit": PAGE} | ({"state": state} if state else {})
    while True:
        answer = yield from answered(Call("GET", "/jobs", params), retries)
        jobs += map(job_of, answer.json["jobs"])
        if answer.json["next"] is None:
            return jobs
        params["after"] = answer.json["next"]


def start_batch(
    images: Sequence[Image], options: Mapping[str, Any], key: str | None, retries: Retries
) -> Flow[Batch]:
    """A job for each image."""
    headers = _headers(key)
    safe = key is not None
    fields = _form(options)
    if any(isinstance(image, ImageUrl | ServerFile) for image in images):
        files = [_in_json(image) for image in images]
        call = Call(
            "POST", "/batches", json={**options, "files": files}, headers=headers, safe=safe
        )
    else:
        parts = tuple((f"{number}", _bytes(image)) for number, image in enumerate(images))
        call = Call("POST", "/batches", files=parts, data=fields, headers=headers, safe=safe)
    answer = yield from answered(call, retries)
    return batch_of(answer.json)


def get_batch(batch_id: str, retries: Retries) -> Flow[Batch]:
    """A batch with all its jobs."""
    jobs: tuple[Job, ...] = ()
    params: dict[str, Any] = {"limit": PAGE}
    while True:
        answer = yield from answered(Call("GET", f"/batches/{batch_id}", params), retries)
        batch = batch_of(answer.json, jobs)
        if answer.json["next"] is None:
            return batch
        jobs, params["after"] = batch.jobs, answer.json["next"]


def wait_for_batch(batch_id: str, seconds: float | None, retries: Retries) -> Flow[Batch]:
    """The finished batch; TimeoutError after seconds. Failed jobs raise nothing."""
    end = None if seconds is None else retries.clock() + seconds
    while True:
        params = {"limit": 1}
        answer = yield from answered(Call("GET", f"/batches/{batch_id}", params), retries)
        if batch_of(answer.json).finished:
            return (yield from get_batch(batch_id, retries))
        if end is not None and retries.clock() + BATCH_PAUSE_SECONDS > end:
            raise TimeoutError(f"the batch {batch_id} is not finished after {seconds:g} s")
        yield Pause(BATCH_PAUSE_SECONDS)


def cancel_batch(batch_id: str, retries: Retries) -> Flow[None]:
    """Cancel the unfinished jobs of a batch."""
    yield from answered(Call("DELETE", f"/batches/{batch_id}"), retries)


def get_json(path: str, retries: Retries) -> Flow[dict[str, Any]]:
    """The JSON of a GET."""
    answer = yield from answered(Call("GET", path), retries)
    found: dict[str, Any] = answer.json
    return found


def _job_answer(job_id: str, params: Mapping[str, Any], retries: Retries) -> Flow[Answer]:
    return (yield from answered(Call("GET", f"/jobs/{job_id}/result", _form(params)), retries))


def _post(image: Image, options: Mapping[str, Any], key: str | None, safe: bool = True) -> Call:
    """The request with an image and its options."""
    headers = _headers(key)
    if isinstance(image, ImageUrl | ServerFile):
        fields = {**options, **_in_json(image)}
        return Call("POST", "/ocr_service", json=fields, headers=headers, safe=safe)
    headers["Content-Type"] = "application/octet-stream"
    return Call("POST", "/ocr", _form(options), headers, content=_bytes(image), safe=safe)


def _headers(key: str | None) -> dict[str, str]:
    return {} if key is None else {"Idempotency-Key": key}


def _form(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options as text: of a query, or of a form."""
    return {name: str(value).lower() if isinstance(value, bool) else value
            for name, value in options.items()}  # fmt: skip


def _in_json(image: Image) -> dict[str, str]:
    if isinstance(image, ImageUrl):
        return {"image_url": str(image)}
    if isinstance(image, ServerFile):
        return {"filename": str(image)}
    return {"image": base64.b64encode(_bytes(image)).decode()}


def _bytes(image: Image) -> bytes:
    if isinstance(image, bytes):
        return image
    if isinstance(image, str) or not isinstance(image, os.PathLike):
        raise TypeError("image: expected bytes, a Path, ImageUrl or ServerFile")
    return pathlib.Path(image).read_bytes()
