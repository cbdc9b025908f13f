"""Examples of answers: what `imgs/sign.jpg` gives, and one message for every error code."""

from __future__ import annotations

from typing import Any

REQUEST_ID = "44b8b7a9bdef01432b29c4431dfc980e"
JOB_ID = "khliZAz2zlAtoXah0D3ZkA"
MD5 = "4faa0ff694597a32694867e0b9688e5e"

# A white PNG of 8x8 pixels.
PICTURE = (
    "iVBORw0KGgoAAAANSUhEUgAAAAgAAAAIAQAAAADsdIMmAAAADElEQVR42mP4z4ACAT/QB/lnLUmhAAAAAElFTkSuQmCC"
)

LINES: list[dict[str, Any]] = [
    {
        "text": "海风书店",
        "confidence": 0.9999,
        "box": [[184, 88], [812, 90], [811, 265], [183, 262]],
    },
    {
        "text": "SEA BREEZE BOOKS",
        "confidence": 0.9876,
        "box": [[186, 314], [812, 314], [812, 377], [186, 377]],
    },
    {
        "text": "每天十点到二十点",
        "confidence": 0.9998,
        "box": [[300, 403], [696, 404], [696, 462], [300, 460]],
    },
]
TEXT = "\n".join(line["text"] for line in LINES)
ANSWER: dict[str, Any] = {
    "status": "success",
    "data": {"text": TEXT, "confidence": 0.9928, "width": 1000, "height": 536, "lines": LINES},
    "cache": "miss",
    "md5": MD5,
    "elapsed_ms": 187.2,
    "timestamp": 1795198857,
    "request_id": REQUEST_ID,
}
LEGACY = [[line["box"], [line["text"], line["confidence"]]] for line in LINES]
TSV = (
    "level\tpage_num\tblock_num\tpar_num\tline_num\tword_num\tleft\ttop\twidth\theight\tconf\ttext\n"
    "1\t1\t0\t0\t0\t0\t0\t0\t1000\t536\t-1\t\n"
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
METRICS = """# HELP ocr_queue_depth Pictures that wait for a worker.
# TYPE ocr_queue_depth gauge
ocr_queue_depth 0.0
"""

MESSAGES = {
    "bad_request": "the multipart body ends before its final boundary",
    "bad_field": "block_flag = maybe: expected true or false",
    "missing_file": "the part `file` is empty; send the picture's bytes in it",
    "one_file_only": "send one picture a request: there is more than one part `file`",
    "not_found": "there is no such job",
    "method_not_allowed": "GET is not possible here; POST is",
    "conflict": "the job is done and cannot be cancelled",
    "gone": "the result of this job is no longer kept; send the picture again",
    "body_too_large": "the body is larger than the limit of 10485760 bytes",
    "too_many_pixels": "the picture has 10000x8000 pixels; at most 40000000 are accepted",
    "unsupported_format": "the bytes are a PDF; accepted are JPEG, PNG, BMP, GIF, WEBP, TIFF",
    "invalid_image": "the JPEG header is cut off; send the whole file",
    "image_too_complex": "reading this picture needs more memory than a worker may use",
    "poison_input": "this picture ended two workers a short time ago; it is refused",
    "queue_full": "100 pictures are waiting, which is the limit; try again later",
    "draining": "the server is stopping; send the picture to another one",
    "starting": "the models are still being loaded; try again in a second",
    "worker_crashed": "two workers died over this picture",
    "queue_timeout": "timeout_ms of 500 passed before a worker was free; try later",
    "ocr_timeout": "timeout_ms of 500 passed before the recognition was done; it goes on",
    "internal_error": "the server failed; its log has why, under the request id",
    "model_error": "rec_model_dir: there is no model in it",
}


def error_example(code: str) -> dict[str, Any]:
    """The body of an error with this code."""
    message = MESSAGES.get(code, code)
    return {
        "status": "error",
        "error": {"code": code, "message": message, "request_id": REQUEST_ID},
    }
