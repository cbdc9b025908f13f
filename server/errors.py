"""The errors of the front end; server/http/errors.py maps them to HTTP statuses.

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
    """The body does not match its Content-Type."""

    code = "bad_request"


class BadField(ServiceError):
    """A field is unknown, repeated or has an invalid value."""

    code = "bad_field"


class MissingFile(ServiceError):
    """The request has no image."""

    code = "missing_file"


class OneFileOnly(ServiceError):
    """The request has more than one image."""

    code = "one_file_only"


class NotFound(ServiceError):
    """The file, job, result or page does not exist."""

    code = "not_found"


class MethodNotAllowed(ServiceError):
    """The address exists, but not for this HTTP method."""

    code = "method_not_allowed"


class Gone(ServiceError):
    """The job has expired."""

    code = "gone"


class Conflict(ServiceError):
    """The job is finished and cannot be cancelled."""

    code = "conflict"


class BodyTooLarge(ServiceError):
    """The body is larger than the limit."""

    code = "body_too_large"


class PoisonInput(ServiceError):
    """The image crashed two workers recently and is in quarantine."""

    code = "poison_input"


def truncated(value: object) -> str:
    """A client's value, shortened to 40 characters for a message."""
    text = str(value)
    return text if len(text) <= 40 else text[:39] + "…"
