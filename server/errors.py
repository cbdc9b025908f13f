"""Errors of the service and the one table from error to HTTP status.

ServiceError
├── BadRequest, BadField, MissingFile, OneFileOnly
├── NotFound, MethodNotAllowed, Gone, Conflict
├── BodyTooLarge
└── PoisonInput
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from ocr_engine import errors as engine
from ocr_engine.errors import EngineError


class ServiceError(Exception):
    """Base of the front end's errors; `code` is stable, the message is for the client."""

    code = "bad_request"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class BadRequest(ServiceError):
    """The body is not what its Content-Type says."""

    code = "bad_request"


class BadField(ServiceError):
    """A field is unknown, repeated, or has a value that is not accepted."""

    code = "bad_field"


class MissingFile(ServiceError):
    """There is no picture in the request."""

    code = "missing_file"


class OneFileOnly(ServiceError):
    """There is more than one picture in the request."""

    code = "one_file_only"


class NotFound(ServiceError):
    """There is no such file, job, result or page."""

    code = "not_found"


class MethodNotAllowed(ServiceError):
    """The page exists but not for this method."""

    code = "method_not_allowed"


class Gone(ServiceError):
    """There was such a job."""

    code = "gone"


class Conflict(ServiceError):
    """The job is finished and cannot be cancelled."""

    code = "conflict"


class BodyTooLarge(ServiceError):
    """The body is over the limit."""

    code = "body_too_large"


class PoisonInput(ServiceError):
    """The picture killed two workers a short time ago."""

    code = "poison_input"


@dataclass(frozen=True, slots=True)
class PublicError:
    """What the client is told; retry_after in seconds, if trying again makes sense."""

    status: int
    code: str
    message: str
    retry_after: int | None = None


STATUS: dict[type[BaseException], int] = {
    BadRequest: 400,
    BadField: 400,
    MissingFile: 400,
    OneFileOnly: 400,
    NotFound: 404,
    MethodNotAllowed: 405,
    Conflict: 409,
    Gone: 410,
    BodyTooLarge: 413,
    engine.TooManyPixels: 413,
    engine.UnsupportedFormat: 415,
    engine.InvalidImage: 422,
    engine.ImageTooComplex: 422,
    PoisonInput: 422,
    engine.QueueFull: 503,
    engine.PoolDraining: 503,
    engine.PoolStarting: 503,
    engine.WorkerCrashed: 503,
    engine.ImageKillsWorkers: 503,
    engine.QueueTimeout: 504,
    engine.RecognitionTimeout: 504,
    engine.RecognitionFailed: 500,
    engine.ModelError: 500,
}

RETRY_AFTER: dict[type[BaseException], int] = {
    engine.QueueFull: 5,  # where the pool has no estimate
    engine.PoolDraining: 10,
    engine.PoolStarting: 2,
    engine.WorkerCrashed: 5,
    engine.ImageKillsWorkers: 5,
}


def public_error(error: BaseException) -> PublicError:
    """The error as the client sees it; anything unforeseen is an internal_error."""
    status = STATUS.get(type(error))
    if status is None or not isinstance(error, ServiceError | EngineError):
        return PublicError(
            500, "internal_error", "the server failed; its log has why, under the request id"
        )
    retry_after = RETRY_AFTER.get(type(error))
    if isinstance(error, engine.QueueFull) and error.retry_after is not None:
        retry_after = math.ceil(error.retry_after)
    return PublicError(status, error.code, error.message, retry_after)


def shown(value: object) -> str:
    """What a client sent, short enough for a message."""
    text = str(value)
    return text if len(text) <= 40 else text[:39] + "…"
