"""The work of the client as steps: what to send and when to wait, without any input or output.

A flow is a generator that yields steps and gets an Answer or an exception for each Call. The two
clients differ only in how they do the steps.
"""

from __future__ import annotations

import email.utils
import random
import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from ocr_server_client._errors import NoAnswer, OcrError

T = TypeVar("T")

BUSY = frozenset(
    (
        "queue_full",
        "starting",
        "draining",
        "rate_limited",
        "storage_unavailable",
        "still_accepting",
        "worker_crashed",
        "backend_unavailable",
    )
)


@dataclass(frozen=True, slots=True)
class Call:
    """A request. files: parts of a form; content: the whole body. safe: it may be sent twice."""

    method: str
    path: str
    params: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes | None = None
    json: Any = None
    files: tuple[tuple[str, bytes], ...] = ()
    data: Mapping[str, Any] = field(default_factory=dict)
    safe: bool = True


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait for so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server has answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    json: Any = None


@dataclass(frozen=True, slots=True)
class Lost:
    """There is no answer. sent: the server may have got the request."""

    reason: str
    sent: bool = True


Step = Call | Pause
Flow = Generator[Step, Any, T]


@dataclass(frozen=True, slots=True)
class Retries:
    """How long the client tries again while the server is busy, restarts or cannot be reached.

    seconds: from the first attempt to the last. longest: of one pause. Pauses are as long as the
    server says in Retry-After, or else 0.5, 1, 2 … seconds, shortened at random by up to a half.
    """

    seconds: float = 300.0
    longest: float = 60.0
    first: float = 0.5
    clock: Callable[[], float] = time.monotonic
    randomness: Callable[[], float] = random.random

    def pause(self, attempt: int, asked: float | None) -> float:
        """Seconds before attempt number `attempt`, which counts from 2."""
        backoff = min(self.first * 2.0 ** (attempt - 2), self.longest)
        backoff *= 0.5 + 0.5 * self.randomness()
        return backoff if asked is None else max(backoff, min(asked, self.longest))


NO_RETRIES = Retries(seconds=0.0)


def answered(call: Call, retries: Retries) -> Flow[Answer]:
    """The answer to a call, with further attempts; OcrError or NoAnswer if there is none."""
    began = retries.clock()
    attempt = 1
    while True:
        outcome: Answer | Lost = yield call
        error: OcrError | NoAnswer
        asked: float | None = None
        if isinstance(outcome, Answer):
            if outcome.status < 400:
                return outcome
            error = error_of(outcome)
            asked = error.retry_after
            again = error.code in BUSY
        else:
            error = NoAnswer(outcome.reason)
            again = call.safe or not outcome.sent
        attempt += 1
        pause = retries.pause(attempt, asked)
        if not again or retries.clock() - began + pause > retries.seconds:
            raise error
        yield Pause(pause)


def error_of(answer: Answer) -> OcrError:
    """The error in an answer, in the form of the server or of a proxy."""
    asked = _retry_after(answer.headers.get("retry-after"))
    try:
        error = answer.json["error"]
        return OcrError(
            str(error["code"]),
            str(error["message"]),
            answer.status,
            str(error.get("request_id", "")),
            asked,
        )
    except (KeyError, TypeError):
        codes = {429: "rate_limited", 503: "starting", 502: "starting"}
        code = codes.get(answer.status, f"http_{answer.status}")
        message = f"status {answer.status} without an error of the OCR server"
        return OcrError(code, message, answer.status, "", asked)


def _retry_after(text: str | None) -> float | None:
    """Seconds, from a number or a date."""
    if text is None:
        return None
    try:
        return max(0.0, float(text))
    except ValueError:
        pass
    try:
        return max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None
