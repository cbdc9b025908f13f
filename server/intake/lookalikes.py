"""Refuses multipart bodies that slow the parser down with many near-boundaries."""

from __future__ import annotations

import random

from python_multipart.multipart import MultipartState

from server.errors import BadRequest
from server.intake.fields import MAX_PARTS

STRIDE = 16 << 10
SAMPLE = 1 << 10

_BLANKS = b" \t"


class Lookalikes:
    """Samples a multipart body before it is parsed, and counts text that looks like a boundary.

    The parser finds boundaries at the speed of memory. But each incomplete boundary, and each blank
    after a boundary, takes it a microsecond, so a few megabytes of them take seconds.
    Images have neither. Checking all bytes would add 5 % to the time of a cached answer, so one
    byte in sixteen is checked, at random positions that a client cannot predict.
    """

    def __init__(self, boundary: bytes, most_parts: int = MAX_PARTS) -> None:
        self._delimiter = b"\r\n--" + boundary
        self._most = most_parts
        self._found = 0

    def check(self, chunk: bytes, state: MultipartState) -> None:
        """BadRequest if the chunk is from such a body; state: the parser's, before the chunk."""
        for start in range(int(random.random() * STRIDE), len(chunk), STRIDE):
            end = start + SAMPLE
            self._found += chunk.count(self._delimiter, start, end)
            if chunk[start] in _BLANKS and not chunk[start:end].strip(_BLANKS):
                self._check_padding(chunk, state)
        if self._found > self._most:
            raise BadRequest(
                f"the boundary is more than {self._most} times in the multipart body; send at most "
                f"{self._most} parts, with a boundary that does not occur in the image"
            )

    def _check_padding(self, chunk: bytes, state: MultipartState) -> None:
        padded = (self._delimiter + blank for blank in (b" ", b"\t"))
        if state == MultipartState.BOUNDARY_PADDING or any(each in chunk for each in padded):
            raise BadRequest("the multipart body has blanks after a boundary; remove them")
