"""GET /openapi.json: the API's description in OpenAPI; static/docs displays it."""

from __future__ import annotations

import hashlib

from server.formats.json_text import JSON_TYPE, dump
from server.http.context import ServerContext
from server.http.handlers.base import BaseHandler
from server.http.openapi.description import describe
from server.http.replies import Reply


def description_body(context: ServerContext) -> bytes:
    """The description as JSON, with the limits from the settings."""
    return dump(describe(context.settings, context.default_options))


class DescriptionHandler(BaseHandler):
    """Answers with the description, which never changes while the server runs."""

    needs = None

    def initialize(self, body: bytes = b"") -> None:
        """Called by Tornado with the arguments of the route."""
        self._body = body

    def get(self) -> None:
        """200, or 304 if the client has it."""
        headers = {
            "Content-Type": JSON_TYPE,
            "Cache-Control": "no-cache",
            "ETag": f'"{hashlib.sha256(self._body).hexdigest()[:32]}"',
        }
        self.send_unless_known(Reply(200, headers, (self._body,)))

    head = get
