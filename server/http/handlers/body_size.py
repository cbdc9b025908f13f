"""How large the body of a request may be: an image, or a large document where one may be sent."""

from __future__ import annotations

from server.errors import BodyTooLarge
from server.http.context import ServerContext
from server.http.dialects.dialect import BodyApi, DocumentDialect
from server.http.handlers.incoming_body import IncomingBody
from server.http.request_scope import RequestScope


def check_size(
    context: ServerContext, scope: RequestScope, dialect: BodyApi, body: IncomingBody, length: int
) -> None:
    """Raise an error if a body that has `length` bytes in memory is not accepted now.

    BodyTooLarge; QueueFull if too many bytes are in memory already.
    """
    more = length - body.held
    total = scope.received + more
    most = context.max_body_bytes
    if total > most and _may_be_document(dialect, body):
        most = context.documents.max_body_bytes
    admission = scope.admission
    if admission is not None and admission.limits.max_body_bytes:
        most = min(most, admission.limits.max_body_bytes)
    if total > most:
        raise BodyTooLarge(f"the body is larger than the limit of {most} bytes")
    context.inflight.check(min(more, context.max_body_bytes))


def _may_be_document(dialect: BodyApi, body: IncomingBody) -> bool:
    """Whether the body has a large document, or may have one, as nothing of it has arrived."""
    if body.reader is not None:
        return body.reader.spooled is not None
    return isinstance(dialect, DocumentDialect) and dialect.may_send_document()
