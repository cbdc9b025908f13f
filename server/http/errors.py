"""The table from errors to HTTP statuses, and errors as clients see them."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ocr_engine import errors as engine
from ocr_engine.errors import EngineError
from server.errors import (
    BadField,
    BadRequest,
    BodyTooLarge,
    Conflict,
    Gone,
    KeyInvalid,
    KeyRequired,
    MethodNotAllowed,
    MissingFile,
    NotAllowed,
    NotFound,
    OneFileOnly,
    PoisonInput,
    ServiceError,
    StorageUnavailable,
)


@dataclass(frozen=True, slots=True)
class PublicError:
    """An error as the client sees it; retry_after: seconds, if a retry makes sense."""

    status: int
    code: str
    message: str
    retry_after: int | None = None


STATUS: dict[type[ServiceError | EngineError], int] = {
    BadRequest: 400,
    BadField: 400,
    MissingFile: 400,
    OneFileOnly: 400,
    KeyRequired: 401,
    KeyInvalid: 401,
    NotAllowed: 403,
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
    StorageUnavailable: 503,
    engine.QueueTimeout: 504,
    engine.RecognitionTimeout: 504,
    engine.RecognitionFailed: 500,
    engine.ModelError: 500,
}

RETRY_AFTER: dict[type[ServiceError | EngineError], int] = {
    engine.QueueFull: 5,  # if the pool has no estimate
    engine.PoolDraining: 10,
    engine.PoolStarting: 2,
    engine.WorkerCrashed: 5,
    engine.ImageKillsWorkers: 5,
    StorageUnavailable: 5,
}


def public_error(error: BaseException) -> PublicError:
    """Convert an error for the client; unexpected errors become internal_error."""
    if not isinstance(error, ServiceError | EngineError) or type(error) not in STATUS:
        return PublicError(
            500, "internal_error", "internal error; the server's log has it under the request id"
        )
    retry_after = RETRY_AFTER.get(type(error))
    if isinstance(error, engine.QueueFull) and error.retry_after is not None:
        retry_after = math.ceil(error.retry_after)
    return PublicError(STATUS[type(error)], error.code, error.message, retry_after)
