"""The table from errors to HTTP statuses, and errors as clients see them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from ocr_engine import errors as engine
from ocr_engine.errors import EngineError
from server.errors import (
    BadField,
    BadPages,
    BadRequest,
    BodyTooLarge,
    Conflict,
    CrossSite,
    Gone,
    HostNotAllowed,
    IdempotencyMismatch,
    KeyInvalid,
    KeyRequired,
    MethodNotAllowed,
    MissingFile,
    NotAllowed,
    NotFinished,
    NotFound,
    OneFileOnly,
    PdfaImpossible,
    PdfSigned,
    PoisonInput,
    QuotaExceeded,
    RateLimited,
    ServiceError,
    StillAccepting,
    StorageUnavailable,
    TooManyPages,
    TooManyPagesToWait,
)


@dataclass(frozen=True, slots=True)
class PublicError:
    """An error as the client sees it.

    retry_after: seconds, if a retry makes sense. headers: more headers of the answer.
    """

    status: int
    code: str
    message: str
    retry_after: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


STATUS: dict[type[ServiceError | EngineError], int] = {
    BadRequest: 400,
    engine.UnknownModels: 400,
    engine.NotForModels: 400,
    BadField: 400,
    BadPages: 400,
    MissingFile: 400,
    OneFileOnly: 400,
    KeyRequired: 401,
    KeyInvalid: 401,
    NotAllowed: 403,
    CrossSite: 403,
    NotFound: 404,
    MethodNotAllowed: 405,
    Conflict: 409,
    NotFinished: 409,
    StillAccepting: 409,
    Gone: 410,
    BodyTooLarge: 413,
    TooManyPages: 413,
    TooManyPagesToWait: 413,
    engine.TooManyPixels: 413,
    engine.UnsupportedFormat: 415,
    HostNotAllowed: 421,
    engine.InvalidImage: 422,
    engine.ImageTooComplex: 422,
    engine.DocumentEncrypted: 422,
    engine.DocumentBroken: 422,
    PdfSigned: 422,
    PdfaImpossible: 422,
    engine.PageKillsRenderers: 422,
    engine.PageFailed: 422,
    engine.PageTimeout: 422,
    PoisonInput: 422,
    engine.PoisonImage: 422,
    IdempotencyMismatch: 422,
    RateLimited: 429,
    QuotaExceeded: 429,
    engine.QueueFull: 503,
    engine.PoolDraining: 503,
    engine.PoolStarting: 503,
    engine.BrokerUnavailable: 503,
    engine.WorkerCrashed: 503,
    engine.ImageKillsWorkers: 503,
    StorageUnavailable: 503,
    engine.QueueTimeout: 504,
    engine.RecognitionTimeout: 504,
    engine.BackendUnavailable: 503,
    engine.RecognitionFailed: 500,
    engine.ModelError: 500,
    engine.BackendFailed: 502,
}

RETRY_AFTER: dict[type[ServiceError | EngineError], int] = {
    engine.QueueFull: 5,  # if the pool has no estimate
    engine.PoolDraining: 10,
    engine.PoolStarting: 2,
    engine.BrokerUnavailable: 5,
    engine.WorkerCrashed: 5,
    engine.ImageKillsWorkers: 5,
    engine.BackendUnavailable: 10,  # if its server has said nothing
    StorageUnavailable: 5,
    StillAccepting: 1,
}


def error_of_code(code: str, message: str) -> PublicError:
    """The error for a code that was stored, as of a failed job, as a client would have seen it."""
    kinds = [kind for kind in STATUS if kind.code == code]
    if not kinds:
        return PublicError(500, code, message)
    return PublicError(STATUS[kinds[0]], code, message, RETRY_AFTER.get(kinds[0]))


def public_error(error: BaseException) -> PublicError:
    """Convert an error for the client; unexpected errors become internal_error."""
    if not isinstance(error, ServiceError | EngineError) or type(error) not in STATUS:
        return PublicError(
            500, "internal_error", "internal error; the server's log has it under the request id"
        )
    if isinstance(error, RateLimited):
        return PublicError(429, error.code, error.message, error.retry_after, error.headers)
    retry_after = RETRY_AFTER.get(type(error))
    if isinstance(error, QuotaExceeded):
        retry_after = error.retry_after
    waits = engine.QueueFull | engine.BackendUnavailable
    if isinstance(error, waits) and error.retry_after is not None:
        retry_after = math.ceil(error.retry_after)
    return PublicError(STATUS[type(error)], error.code, error.message, retry_after)
