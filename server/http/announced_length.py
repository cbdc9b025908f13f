"""The length of a body as its request announces it."""

from __future__ import annotations

from tornado.httputil import HTTPHeaders

LARGEST = (1 << 50) - 1  # bytes; Tornado's own limit is above it
_MAX_DIGITS = len(str(LARGEST)) - 1


def announced_length(headers: HTTPHeaders) -> int:
    """The number of bytes in Content-Length; 0 if there is none, or Tornado will refuse it.

    A number that is too long is replaced by LARGEST: int() refuses thousands of digits, and
    Tornado would log all of them and answer with a second error.
    """
    announced = headers.get("Content-Length", "0")
    if not announced.isdecimal():
        return 0
    if len(announced) > _MAX_DIGITS:
        headers["Content-Length"] = str(LARGEST)
        return LARGEST
    return int(announced)
