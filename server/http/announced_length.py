"""The length of a body as its request announces it."""

from __future__ import annotations

from tornado.httputil import HTTPHeaders

LARGEST = (1 << 50) - 1  # bytes; Tornado's own limit is above it
_MAX_DIGITS = len(str(LARGEST)) - 1


def announced_length(headers: HTTPHeaders) -> int:
    """The number of bytes in Content-Length; 0 if there is none, or Tornado will refuse it.

    A longer number is replaced, because Tornado would answer it with a second error, and log it in
    full; int() refuses thousands of digits.
    """
    announced = headers.get("Content-Length", "0")
    if not announced.isdecimal():
        return 0
    if len(announced) > _MAX_DIGITS:
        headers["Content-Length"] = str(LARGEST)
        return LARGEST
    return int(announced)
