"""Errors of the front end, as one tree; server/http/errors.py has the HTTP status of each.

ServiceError
├── BadRequest, BadField, MissingFile, OneFileOnly
├── NotFound, MethodNotAllowed, Gone, Conflict
├── BodyTooLarge
└── PoisonInput
"""

from __future__ import annotations


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
    """There is no image in the request."""

    code = "missing_file"


class OneFileOnly(ServiceError):
    """There is more than one image in the request."""

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
    """The image killed two workers a short time ago."""

    code = "poison_input"


def shown(value: object) -> str:
    """What a client sent, short enough for a message."""
    text = str(value)
    return text if len(text) <= 40 else text[:39] + "…"
