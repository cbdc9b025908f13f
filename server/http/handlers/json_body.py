"""Handlers with a small JSON body."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from server.errors import BadRequest, BodyTooLarge
from server.http.handlers.base import BaseHandler
from server.intake.fields import unique_fields


class JsonBodyHandler(BaseHandler):
    """Collects its body, up to max_json_bytes; the rest is dropped."""

    max_json_bytes: ClassVar[int] = 64 << 10

    def initialize(self) -> None:
        """Called by Tornado with the arguments of the route."""
        self._body = bytearray()
        self._received = 0

    def data_received(self, chunk: bytes) -> None:
        """Called by Tornado with the next chunk of the body."""
        self._received += len(chunk)
        if self._received <= self.max_json_bytes:
            self._body += chunk

    def json_fields(self) -> dict[str, Any]:
        """The fields of the JSON object in the body; BadRequest, BadField or BodyTooLarge."""
        self._check_size()
        media_type = self.request.headers.get("Content-Type", "").partition(";")[0].strip()
        if media_type.lower() != "application/json":
            raise BadRequest("send the body as application/json")
        values = self.json_value(unique_fields)
        if not isinstance(values, dict):
            raise BadRequest("the JSON body must be an object")
        return values

    def json_value(self, pairs: Any = None) -> Any:
        """The body as JSON, whatever its Content-Type; BadRequest or BodyTooLarge.

        pairs: makes an object from its fields.
        """
        self._check_size()
        try:
            return json.loads(bytes(self._body), object_pairs_hook=pairs)
        except (ValueError, RecursionError) as error:
            raise BadRequest(f"the body is not JSON: {error}") from None

    def _check_size(self) -> None:
        if self._received > self.max_json_bytes:
            raise BodyTooLarge(f"the body is larger than the limit of {self.max_json_bytes} bytes")
