"""Malformed frames that a worker might send, by their defect."""

from __future__ import annotations


def frame(payload: bytes) -> bytes:
    """The bytes of a frame: its length and its payload."""
    return len(payload).to_bytes(4, "big") + payload


def _message(head: bytes) -> bytes:
    return frame(frame(head))


GARBAGE = {
    "noise": frame(b"\x00\xffnoise"),
    "no-result": _message(b'{"kind": "done", "task_id": 1}'),
    "wrong-types": _message(b'{"kind": "done", "task_id": [], "result": 5, "stages": 7}'),
    "another-task": _message(
        b'{"kind": "failed", "task_id": 987654, "code": "x", "message": "", "rss_mb": 1}'
    ),
    "infinite": _message(
        b'{"kind": "failed", "task_id": 1, "code": "x", "message": "", "rss_mb": Infinity}'
    ),
    "bottomless": _message(b"[" * 100_000),
    "endless": (1 << 30).to_bytes(4, "big") + b"x" * 1000,
}
