"""Example answers: the result of `imgs/sign.jpg`."""

from __future__ import annotations

from typing import Any

from server.formats.json_text import dump

REQUEST_ID = "44b8b7a9bdef01432b29c4431dfc980e"
MD5 = "4faa0ff694597a32694867e0b9688e5e"

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
FLAT = {
    **ANSWER,
    "data": {
        **{name: value for name, value in ANSWER["data"].items() if name != "lines"},
        "boxes": [line["box"] for line in LINES],
        "texts": [line["text"] for line in LINES],
        "scores": [line["confidence"] for line in LINES],
    },
}
LEGACY = [[line["box"], [line["text"], line["confidence"]]] for line in LINES]
TSV = (
    "level\tpage_num\tblock_num\tpar_num\tline_num\tword_num\tleft\ttop\twidth\theight\tconf\ttext\n"
    "1\t1\t0\t0\t0\t0\t0\t0\t1000\t536\t-1\t\n"
)
MARKDOWN = "# 海风书店\n\nSEA BREEZE BOOKS\n\n每天十点到二十点\n"
_EVENTS: tuple[dict[str, Any], ...] = (
    {
        "event": "meta",
        "kind": "pdf",
        "pages": 2,
        "page_count": 2,
        "md5": MD5,
        "request_id": REQUEST_ID,
    },
    {"event": "page", "page": 1, "source": "ocr", "dpi": 200, **ANSWER["data"]},
    {
        "event": "page_error",
        "page": 2,
        "error": {"code": "page_failed", "message": "page 2 is broken"},
    },
    {"event": "end", "pages": 1, "failed": 1},
)
EVENTS = "".join(f"{dump(event).decode()}\n" for event in _EVENTS)
