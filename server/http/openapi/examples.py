"""Examples of jobs, and a message for every error code; results: server/formats/examples.py."""

from __future__ import annotations

from typing import Any

from server.formats.examples import REQUEST_ID

JOB_ID = "khliZAz2zlAtoXah0D3ZkA"

# A white PNG of 8x8 pixels.
IMAGE = (
    "iVBORw0KGgoAAAANSUhEUgAAAAgAAAAIAQAAAADsdIMmAAAADElEQVR42mP4z4ACAT/QB/lnLUmhAAAAAElFTkSuQmCC"
)

QUEUED: dict[str, Any] = {
    "id": JOB_ID,
    "state": "queued",
    "url": f"/jobs/{JOB_ID}",
    "position": 2,
}
DONE = {"id": JOB_ID, "state": "done", "url": f"/jobs/{JOB_ID}"}
FAILED = {
    **DONE,
    "state": "failed",
    "error": {"code": "invalid_image", "message": "the JPEG header is cut off"},
}
ACCEPTED = {"status": "accepted", "job": QUEUED, "request_id": REQUEST_ID}
METRICS = """# HELP ocr_queue_depth Images that wait for a worker.
# TYPE ocr_queue_depth gauge
ocr_queue_depth 0.0
"""

MESSAGES = {
    "bad_request": "the multipart body ends before its final boundary",
    "bad_field": "block_flag = maybe: expected true or false",
    "missing_file": "the part `file` is empty; send the image's bytes in it",
    "one_file_only": "the request has more than one part `file`; send one image per request",
    "not_found": "no job has this id",
    "method_not_allowed": "GET is not allowed here; use POST",
    "conflict": "the job is done and cannot be cancelled",
    "gone": "the job has expired and its result was deleted; send the image again",
    "body_too_large": "the body is larger than the limit of 10485760 bytes",
    "too_many_pixels": "the image has 10000x8000 pixels; at most 40000000 are accepted",
    "unsupported_format": "the bytes are a PDF; accepted are JPEG, PNG, BMP, GIF, WEBP, TIFF",
    "invalid_image": "the JPEG header is cut off; send the whole file",
    "image_too_complex": "reading this image needs more memory than a worker may use",
    "poison_input": "this image crashed two workers recently; it is refused for a while",
    "queue_full": "100 images are waiting, which is the limit; try again later",
    "draining": "the server is stopping; send the image to another server",
    "starting": "the models are still being loaded; try again in a second",
    "worker_crashed": "two workers died over this image",
    "queue_timeout": "timeout_ms of 500 passed before a worker was free; try again later",
    "ocr_timeout": "timeout_ms of 500 passed before the recognition was done; it continues",
    "internal_error": "internal error; the server's log has it under the request id",
    "model_error": "rec_model_dir: there is no model in it",
}


def error_example(code: str) -> dict[str, Any]:
    """The example body of an error with this code."""
    message = MESSAGES.get(code, code)
    return {
        "status": "error",
        "error": {"code": code, "message": message, "request_id": REQUEST_ID},
    }
