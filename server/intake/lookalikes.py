"""Multipart bodies that are made to be slow: full of what looks like a boundary, and is none."""

from __future__ import annotations

import random

from python_multipart.multipart import MultipartState

from server.errors import BadRequest
from server.intake.fields import MAX_PARTS

STRIDE = 16 << 10
SAMPLE = 1 << 10

_BLANKS = b" \t"


class Lookalikes:
    """Looks at samples of a multipart body before they are parsed.

    The parser finds boundaries at the speed of memory, but takes a microsecond for each that does
    not end as one, and for each byte of blanks after one: a second for some megabytes. Images have
    neither. Counting in all bytes would cost a cached answer 5 % of its time. So one byte in
    sixteen is looked at, in places drawn at random, so that nobody can write around them.
    """

    def __init__(self, boundary: bytes) -> None:
        self._delimiter = b"\r\n--" + boundary
        self._found = 0

    def check(self, chunk: bytes, state: MultipartState) -> None:
        """BadRequest if the next piece is such a body's; state: the parser's before it."""
        for start in range(int(random.random() * STRIDE), len(chunk), STRIDE):
            end = start + SAMPLE
            self._found += chunk.count(self._delimiter, start, end)
            if chunk[start] in _BLANKS and not chunk[start:end].strip(_BLANKS):
                self._check_padding(chunk, state)
        if self._found > MAX_PARTS:
            raise BadRequest(
                f"the multipart body has its boundary more than {MAX_PARTS} times; send at most "
                f"{MAX_PARTS} parts, with a boundary that is not in the image"
            )

    def _check_padding(self, chunk: bytes, state: MultipartState) -> None:
        padded = (self._delimiter + blank for blank in (b" ", b"\t"))
        if state == MultipartState.BOUNDARY_PADDING or any(each in chunk for each in padded):
            raise BadRequest("the multipart body has blanks after a boundary; leave them out")
