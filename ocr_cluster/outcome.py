"""How a node has ended an attempt, as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Literal

from ocr_engine import errors
from ocr_engine.errors import EngineError, PoisonImage, RecognitionFailed, RecognitionTimeout

MOST_TOLD = 32 << 10  # bytes of a packed result that is told with its outcome

State = Literal["done", "failed", "again"]
Place = Literal["cache", "state"]

_ERRORS: Mapping[str, type[EngineError]] = {
    each.__name__: each
    for each in (
        errors.UnsupportedFormat,
        errors.InvalidImage,
        errors.TooManyPixels,
        errors.ImageTooComplex,
        errors.ImageKillsWorkers,
        errors.WorkerCrashed,
        errors.QueueTimeout,
        RecognitionTimeout,
        RecognitionFailed,
        PoisonImage,
    )
}
_TRANSIENT = (errors.PoolDraining, errors.PoolStarting, errors.QueueFull, errors.UnknownModels)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of an attempt.

    state: `again` if another node may be able to read the image. fingerprint: of the models that
    have read it. place: the Redis server with the result. seconds: how long a worker was
    busy. error, message, is_slow: describe the error, if the attempt failed.
    """

    flight: str
    attempt: int
    state: State
    fingerprint: str = ""
    place: Place = "cache"
    seconds: float = 0.0
    error: str = ""
    message: str = ""
    is_slow: bool = False
    stages: Mapping[str, float] = field(default_factory=dict)


def failed(flight: str, attempt: int, error: EngineError) -> Outcome:
    """The outcome for an error of the node's pool."""
    if isinstance(error, _TRANSIENT):
        return again(flight, attempt, error.message)
    name = next((each.__name__ for each in type(error).__mro__ if each.__name__ in _ERRORS), "")
    is_slow = isinstance(error, RecognitionTimeout) and error.is_slow
    return Outcome(flight, attempt, "failed", error=name, message=error.message, is_slow=is_slow)


def again(flight: str, attempt: int, reason: str) -> Outcome:
    """The outcome if this node could not do it, but another one may."""
    return Outcome(flight, attempt, "again", message=reason)


def error_of(outcome: Outcome) -> EngineError:
    """The error of a failed attempt, as the pool of the node has raised it."""
    kind = _ERRORS.get(outcome.error, RecognitionFailed)
    if kind is RecognitionTimeout:
        return RecognitionTimeout(outcome.message, is_slow=outcome.is_slow)
    return kind(outcome.message)


def encode(outcome: Outcome) -> bytes:
    """An outcome as JSON."""
    return json.dumps(asdict(outcome), separators=(",", ":")).encode()


def told(outcome: bytes, packed: bytes) -> bytes:
    """What a front end hears: an outcome as JSON, then its packed result if that is small."""
    return outcome + b"\n" + packed if 0 < len(packed) <= MOST_TOLD else outcome


def heard(data: bytes) -> tuple[Outcome | None, bytes]:
    """The inverse of told(): the outcome, see decode(), and the packed result, or nothing."""
    outcome, _, packed = data.partition(b"\n")
    return decode(outcome), packed


def decode(data: bytes) -> Outcome | None:
    """The inverse of encode(); None for other data, as of a later version."""
    try:
        return Outcome(**json.loads(data))
    except (ValueError, TypeError):
        return None
