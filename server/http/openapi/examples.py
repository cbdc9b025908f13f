"""Examples of jobs, and a message for every error code; results: server/formats/examples.py."""

from __future__ import annotations

from typing import Any

from server.formats.examples import MD5, REQUEST_ID

JOB_ID = "khliZAz2zlAtoXah0D3ZkA"

# A white PNG of 8x8 pixels.
IMAGE = (
    "iVBORw0KGgoAAAANSUhEUgAAAAgAAAAIAQAAAADsdIMmAAAADElEQVR42mP4z4ACAT/QB/lnLUmhAAAAAElFTkSuQmCC"
)

KEPT: dict[str, Any] = {
    "id": "3rbWnRSQO4kLHHcCtM4LXg",
    "url": "/documents/3rbWnRSQO4kLHHcCtM4LXg",
    "kind": "pdf",
    "page_count": 12,
    "size": 481_237,
    "md5": MD5,
    "keep_seconds": 600.0,
}
QUEUED: dict[str, Any] = {
    "id": JOB_ID,
    "state": "queued",
    "url": f"/jobs/{JOB_ID}",
    "position": 2,
    "progress": {"pages_total": 1, "pages_done": 0, "pages_failed": 0},
    "attempts": 0,
    "created_at": 1790000000.0,
}
DONE = {
    "id": JOB_ID,
    "state": "done",
    "url": f"/jobs/{JOB_ID}",
    "progress": {"pages_total": 1, "pages_done": 1, "pages_failed": 0},
    "attempts": 1,
    "created_at": 1790000000.0,
    "expires_at": 1790003600.0,
}
FAILED = {
    **DONE,
    "state": "failed",
    "progress": {"pages_total": 1, "pages_done": 0, "pages_failed": 1},
    "error": {"code": "invalid_image", "message": "the JPEG header is cut off"},
}
ACCEPTED = {"status": "accepted", "job": QUEUED, "request_id": REQUEST_ID}
BATCH: dict[str, Any] = {
    "id": "p2Jq0sYv7cWm3nLk9XbZtA",
    "state": "running",
    "url": "/batches/p2Jq0sYv7cWm3nLk9XbZtA",
    "files": 2,
    "counts": {"queued": 1, "running": 1, "done": 0, "failed": 0, "cancelled": 0},
    "progress": {"pages_total": 2, "pages_done": 0, "pages_failed": 0},
    "created_at": 1790000000.0,
}
_COUNTS = {"images": 120, "pages": 120, "cached": 35, "seconds": 61.2, "bytes": 24117248}
USAGE = {
    "status": "success",
    "usage": {
        "enabled": True,
        "user": "Xy12Ab34",
        "timezone": "UTC",
        "from": "2026-11-01",
        "to": "2026-11-30",
        "days": [{"day": "2026-11-29", **_COUNTS, "errors": 2}],
        "total": {**_COUNTS, "errors": 2},
        "left_today": None,
    },
    "request_id": REQUEST_ID,
}
USAGE_CSV = """day,images,pages,cached,seconds,bytes,errors\r
2026-11-29,120,120,35,61.2,24117248,2\r
"""
KEY: dict[str, Any] = {
    "id": "7Qe2mZ0a",
    "label": "Ann, mobile",
    "state": "active",
    "scopes": ["read", "jobs"],
    "weight": 1.0,
    "priority": 0,
    "rate_per_minute": None,
    "concurrency": None,
    "max_body_mb": None,
    "daily_quota": 500,
    "created_at": 1790000000.0,
    "expires_at": None,
    "revoked_at": None,
    "secrets": [{"created_at": 1790000000.0, "expires_at": None}],
}
LANGUAGES = {
    "status": "success",
    "models": "PP-OCRv6_small_det, ch_ppocr_mobile_v2.0_cls, PP-OCRv6_small_rec",
    "languages": [{"code": "en", "name": "English", "scripts": ["Latn"]}],
    "scripts": [
        {
            "code": "Latn",
            "name": "Latin",
            "characters": "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
        }
    ],
    "others": "0123456789.,:;?!",
    "request_id": REQUEST_ID,
}
SECRET = "ocr_7Qe2mZ0a_…"
MODEL_SETS: dict[str, Any] = {
    "status": "success",
    "sets": [
        {
            "name": "PP-OCRv6_tiny",
            "default": True,
            "models": "PP-OCRv6_tiny_det, ch_ppocr_mobile_v2.0_cls, PP-OCRv6_tiny_rec",
            "fingerprint": "openvino/auto/1/9a41c0d35e7f2b86",
            "workers": 1,
        },
        {
            "name": "PP-OCRv6_small",
            "default": False,
            "models": "PP-OCRv6_small_det, ch_ppocr_mobile_v2.0_cls, PP-OCRv6_small_rec",
            "fingerprint": "openvino/auto/1/6e2f0b9c84d1a735",
            "workers": 3,
        },
    ],
    "to_be_replaced": 3,
    "request_id": REQUEST_ID,
}
METRICS = """# HELP ocr_queue_depth Images that wait for a worker.
# TYPE ocr_queue_depth gauge
ocr_queue_depth 0.0
"""


def error_example(code: str, message: str) -> dict[str, Any]:
    """The example body of an error with this code."""
    return {
        "status": "error",
        "error": {"code": code, "message": message, "request_id": REQUEST_ID},
    }
