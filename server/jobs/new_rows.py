"""The columns of new jobs."""

from __future__ import annotations

import secrets
from typing import Any

from cache.keys import Digests
from server.documents.open_document import OpenDocument
from server.intake.request import OcrRequest
from server.jobs.stored_request import StoredDocument, stored
from server.principal import Principal


def new_row(created_at: float) -> dict[str, Any]:
    """The columns of a new job that do not depend on its request."""
    return {
        "id": secrets.token_urlsafe(16),
        "number": 0,
        "state": "queued",
        "version": 1,
        "attempts": 0,
        "created_at": created_at,
        "pages_total": 1,
        "pages_done": 0,
        "pages_failed": 0,
    }


def columns_of(
    request: OcrRequest,
    principal: Principal,
    size: int,
    digests: Digests,
    blob: str,
    now: float,
    document: OpenDocument | None = None,
) -> dict[str, Any]:
    """The columns of a new job that depend on its request; size, digests, blob: of its input.

    document: the input, if it is one.
    """
    patience = request.timeout_seconds
    described = None
    if document is not None:
        described = StoredDocument(document.kind, document.page_count, document.choices)
    return {
        "user": principal.user,
        "weight": principal.weight,
        "priority": principal.priority + request.priority,
        "deadline_at": None if patience is None else now + patience,
        "webhook_url": request.webhook_url,
        "request": stored(request, described),
        "format": request.rendering.format,
        "input_blob": blob,
        "input_bytes": size,
        "md5": digests.md5,
        "sha256": digests.sha256,
        "pages_total": 1 if document is None else len(document.pages),
    }
