"""The errors of the front end; server/http/errors.py maps them to HTTP statuses.

ServiceError
├── BadRequest, BadField, BadPages, MissingFile, OneFileOnly
├── KeyRequired, KeyInvalid, NotAllowed
├── CrossSite, HostNotAllowed
├── RateLimited, QuotaExceeded
├── NotFound, MethodNotAllowed, Gone, Conflict, NotFinished
├── StillAccepting, IdempotencyMismatch
├── BodyTooLarge
├── PdfSigned, PdfaImpossible
├── TooManyPages, TooManyPagesToWait
├── PoisonInput
└── StorageUnavailable
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping


class ServiceError(Exception):
    """Base of the front end's errors; `code` is stable, the message is for the client.

    example: a message of this error, for the API description.
    """

    code = "bad_request"
    example = ""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class BadRequest(ServiceError):
    """The body does not match its Content-Type, or that type is not accepted."""

    code = "bad_request"
    example = "the multipart body ends before its final boundary"


class BadField(ServiceError):
    """A field is unknown, repeated or has an invalid value."""

    code = "bad_field"
    example = "block_flag = maybe: expected true or false"


class BadPages(ServiceError):
    """The field `pages` is malformed, or names pages that the document does not have."""

    code = "bad_pages"
    example = "pages = 7-9: the document has 6 pages"


class MissingFile(ServiceError):
    """The request has no image."""

    code = "missing_file"
    example = "the part `file` is empty; send the image's bytes in it"


class OneFileOnly(ServiceError):
    """The request has more than one image."""

    code = "one_file_only"
    example = "the request has more than one part `file`; send one image per request"


class KeyRequired(ServiceError):
    """The request has no key, and needs one."""

    code = "key_required"
    example = "send a key: Authorization: Bearer KEY, or X-Api-Key: KEY"


class KeyInvalid(ServiceError):
    """The key is unknown, revoked or expired; the answer does not say which."""

    code = "key_invalid"
    example = "this key is not valid; ask the operator of this server for another one"

    def __init__(self, message: str = example) -> None:
        super().__init__(message)


class NotAllowed(ServiceError):
    """The key is valid, but lacks the scope that the request needs."""

    code = "not_allowed"
    example = "this needs the scope `jobs`; this key has: read"


class CrossSite(ServiceError):
    """A page of another site sent the request, which would change something."""

    code = "cross_site"
    example = "this request comes from a page of another site, https://example.com"


class HostNotAllowed(ServiceError):
    """The request names a host that is not this server."""

    code = "host_not_allowed"
    example = "this server is not known as example.com; web_server.allowed_hosts has its names"


class RateLimited(ServiceError):
    """More requests per minute, or concurrent requests, than an address or a key may send.

    retry_after: seconds. headers: what the client has left of its limits.
    """

    code = "rate_limited"
    example = "more than 60 requests a minute with this key"

    def __init__(
        self, message: str, retry_after: int = 1, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.headers = headers or {}


class QuotaExceeded(ServiceError):
    """The daily quota of a key is used up.

    retry_after: seconds until midnight.
    """

    code = "quota_exceeded"
    example = "the quota of 500 images a day is used up; it begins again at midnight (UTC)"

    def __init__(self, message: str, retry_after: int = 1) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class NotFound(ServiceError):
    """The file, job, result or page does not exist."""

    code = "not_found"
    example = "no job has this id"


class MethodNotAllowed(ServiceError):
    """The address exists, but not for this HTTP method."""

    code = "method_not_allowed"
    example = "GET is not allowed here; use POST"


class Gone(ServiceError):
    """The job has expired, or its image or result was deleted."""

    code = "gone"
    example = "the job has expired and its result was deleted; send the image again"


class Conflict(ServiceError):
    """The job is finished and cannot be cancelled, or a model set cannot be used."""

    code = "conflict"
    example = "the job is done and cannot be cancelled"


class NotFinished(ServiceError):
    """The job is not finished."""

    code = "not_finished"
    example = "the job is running; wait for its end"


class StillAccepting(ServiceError):
    """The first request with this Idempotency-Key has not been answered yet."""

    code = "still_accepting"
    example = "the first request with this Idempotency-Key is not answered yet; try again later"


class IdempotencyMismatch(ServiceError):
    """The Idempotency-Key was used for another request."""

    code = "idempotency_mismatch"
    example = "this Idempotency-Key was used for another request; use a new one"


class BodyTooLarge(ServiceError):
    """The body is larger than the limit."""

    code = "body_too_large"
    example = "the body is larger than the limit of 10485760 bytes"


class PdfSigned(ServiceError):
    """The PDF is signed, and writing it again would break its signature."""

    code = "pdf_signed"
    example = "the PDF is signed, and writing it again would break the signature; ask for json"


class PdfaImpossible(ServiceError):
    """The file cannot be written as PDF/A."""

    code = "pdfa_impossible"
    example = "this cannot be made PDF/A-2b: font /F1 is not embedded; ask for format=pdf"


class TooManyPages(ServiceError):
    """More pages of a document than one request may ask for."""

    code = "too_many_pages"
    example = "5000 pages; at most 2000 of a document are read: choose some with the field `pages`"


class TooManyPagesToWait(ServiceError):
    """More pages than a request that waits for all of them may ask for."""

    code = "too_many_pages_to_wait"
    example = "300 pages; send more than 50 with block_flag=False, or with format=ndjson"


class PoisonInput(ServiceError):
    """The image crashed two workers recently and is in quarantine."""

    code = "poison_input"
    example = "this image crashed two workers recently; it is refused for a while"


class StorageUnavailable(ServiceError):
    """The database, or the storage for images and results of jobs, is unavailable."""

    code = "storage_unavailable"
    example = "the database does not answer; try again later"

    @property
    def in_log(self) -> str:
        """The message with its cause, which clients are not told."""
        cause = getattr(self.__cause__, "orig", None) or self.__cause__
        reason = str(cause).strip().partition("\n")[0] or type(cause).__name__
        return f"{self.message} ({reason})" if cause is not None else self.message


def closest(name: str, known: Iterable[str]) -> str | None:
    """The known name that is most similar to a wrong one; None if none is similar."""
    import difflib  # costs memory, and few names are wrong

    return next(iter(difflib.get_close_matches(name, list(known), n=1)), None)


def unknown_field(name: str, known: Iterable[str]) -> str:
    """The message for a field that does not exist: the similar one, or all that are known."""
    known = list(known)
    close = closest(name, known)
    hint = f"did you mean {close}?" if close else f"accepted are {', '.join(known)}"
    return f"unknown field {truncated(name)}; {hint}"


def truncated(value: object) -> str:
    """A client's value, shortened to 40 characters for a message."""
    text = str(value)
    return text if len(text) <= 40 else text[:39] + "…"
