"""GET /openapi.json: the description of the interface; the page that shows it is a static one."""

from __future__ import annotations

import hashlib

from server.formats.json_text import JSON_TYPE, dump
from server.http.context import ServerContext
from server.http.handlers.base import BaseHandler
from server.http.openapi.description import describe
from server.http.replies import Reply


def description_body(context: ServerContext) -> bytes:
    """The description with the limits of this server's settings, as JSON."""
    return dump(describe(context.settings, context.default_options))


class DescriptionHandler(BaseHandler):
    """One document, the same for as long as the server runs."""

    def initialize(self, body: bytes = b"") -> None:
        """Called by Tornado with what the route table says."""
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
