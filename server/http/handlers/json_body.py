"""Handlers with a small JSON body."""

from __future__ import annotations

import json
from typing import Any

from server.errors import BadRequest, BodyTooLarge
from server.http.handlers.base import BaseHandler
from server.intake.fields import unique_fields

MAX_BYTES = 64 << 10


class JsonBodyHandler(BaseHandler):
    """Collects its body, up to MAX_BYTES; the rest is dropped."""

    def initialize(self) -> None:
        """Called by Tornado with the arguments of the route."""
        self._body = bytearray()
        self._received = 0

    def data_received(self, chunk: bytes) -> None:
        """Called by Tornado with the next chunk of the body."""
        self._received += len(chunk)
        if self._received <= MAX_BYTES:
            self._body += chunk

    def json_fields(self) -> dict[str, Any]:
        """The fields of the JSON object in the body; BadRequest, BadField or BodyTooLarge."""
        if self._received > MAX_BYTES:
            raise BodyTooLarge(f"the body is larger than the limit of {MAX_BYTES} bytes")
        media_type = self.request.headers.get("Content-Type", "").partition(";")[0].strip()
        if media_type.lower() != "application/json":
            raise BadRequest("send the body as application/json")
        try:
            values = json.loads(bytes(self._body), object_pairs_hook=unique_fields)
        except (ValueError, RecursionError) as error:
            raise BadRequest(f"the body is not JSON: {error}") from None
        if not isinstance(values, dict):
            raise BadRequest("the JSON body must be an object")
        return values
