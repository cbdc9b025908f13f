"""Is an answer good? And what a run remembers of each: times, kind, what the cache had to say."""

from __future__ import annotations

import json
from array import array
from collections import Counter
from contextlib import suppress

from load_test.traffic import KINDS, Kind, Request
from ocr_client.connection import Reply

CACHE_OUTCOMES = ("hit", "joined", "miss")
_BEHIND_DATA = b',"cache":'


class Judge:
    """Holds every answer against the first good one for the same image."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}
        self._known: dict[str, bytes] = {}

    def failure(self, image: str, reply: Reply) -> str:
        """Why the answer is not good; nothing if it is."""
        known = self._known.get(image)
        if reply.status == 200 and known is not None and reply.body.startswith(known):
            return ""  # the same data byte for byte, so the same text
        reason = "not the answer that docs/api.md describes"
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
        """The bytes up to the end of `data`, which spare parsing the next equal answer."""
        end = body.rfind(_BEHIND_DATA)
        if end >= 0:
            self._known[image] = body[: end + len(_BEHIND_DATA)]


class Tally:
    """Everything that a run counts; plain numbers, so that a million answers fit 32 MB.

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
        """How many answers have come, or will never come."""
        return len(self.ended) + len(self.failed_at)

    @property
    def failures(self) -> int:
        """How many of them are not good."""
        return len(self.failed_at)

    def good(self, request: Request, ended: float, latency: float) -> None:
        """An answer that is as it should be."""
        self.kinds.append(KINDS.index(request.kind))
        self.ended.append(ended)
        self.latencies.append(latency)

    def failed(self, ended: float, reason: str) -> None:
        """An answer that is not, or none."""
        self.failed_at.append(ended)
        self.reasons[reason] += 1

    def of_kind(self, kind: Kind) -> list[float]:
        """The latencies of one kind of requests."""
        index = KINDS.index(kind)
        return [s for s, k in zip(self.latencies, self.kinds, strict=True) if k == index]
