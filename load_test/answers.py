"""Checks answers, and records their times, kinds and cache outcomes."""

from __future__ import annotations

import json
from array import array
from collections import Counter
from contextlib import suppress

from load_test.traffic import KINDS, Kind, Request
from ocr_client.connection import Response

CACHE_OUTCOMES = ("hit", "joined", "miss")
_AFTER_DATA = b',"cache":'


class Judge:
    """Compares every answer with the first good answer for the same image."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}
        self._known: dict[str, bytes] = {}

    def failure(self, image: str, reply: Response) -> str:
        """Why the answer is wrong; empty if it is good."""
        known = self._known.get(image)
        if reply.status == 200 and known is not None and reply.body.startswith(known):
            return ""  # the same bytes, so the same text
        reason = "the answer does not match docs/api.md"
        with suppress(ValueError, KeyError, TypeError):
            answer = json.loads(reply.body)
            if reply.status != 200:
                reason = f"{answer['error']['code']}: {answer['error']['message']}"
            elif self._texts.setdefault(image, text := answer["data"]["text"]) == text:
                self._remember(image, reply.body)
                return ""
            else:
                reason = f"text differs: {image}"
        retry = reply.header(b"retry-after")
        return f"{reply.status} {reason}{f' (Retry-After: {retry})' if retry else ''}"

    def _remember(self, image: str, body: bytes) -> None:
        """Keep the bytes up to the end of `data`, so that equal answers need no parsing."""
        end = body.rfind(_AFTER_DATA)
        if end >= 0:
            self._known[image] = body[: end + len(_AFTER_DATA)]


class Tally:
    """The counts and times of a run, as plain numbers: a million answers need 32 MB.

    Seconds count from the start of the run. Latencies are those of good answers.
    """

    def __init__(self) -> None:
        self.latencies = array("d")
        self.ended = array("d")
        self.kinds = bytearray()
        self.failed_at = array("d")
        self.late = array("d")
        self.sent = 0
        self.cache: Counter[str] = Counter()
        self.reasons: Counter[str] = Counter()

    @property
    def done(self) -> int:
        """How many requests are finished."""
        return len(self.ended) + len(self.failed_at)

    @property
    def failures(self) -> int:
        """How many requests failed."""
        return len(self.failed_at)

    def good(self, request: Request, ended: float, latency: float) -> None:
        """Count a good answer."""
        self.kinds.append(KINDS.index(request.kind))
        self.ended.append(ended)
        self.latencies.append(latency)

    def failed(self, ended: float, reason: str) -> None:
        """Count a wrong or missing answer."""
        self.failed_at.append(ended)
        self.reasons[reason] += 1

    def of_kind(self, kind: Kind) -> list[float]:
        """The latencies of requests of one kind."""
        index = KINDS.index(kind)
        return [s for s, k in zip(self.latencies, self.kinds, strict=True) if k == index]
