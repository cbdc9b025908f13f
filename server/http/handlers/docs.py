"""GET /openapi.json: the API's description in OpenAPI; static/docs displays it."""

from __future__ import annotations

import functools
import hashlib

from server.formats.json_text import JSON_TYPE, dump
from server.http.context import ServerContext
from server.http.handlers.base import BaseHandler
from server.http.replies import Reply


class DescriptionBody:
    """The description as JSON, with the limits from the settings; built for the first request.

    Building it takes 8 ms and, with the imports, 2 MiB.
    """

    def __init__(self, context: ServerContext) -> None:
        self._context = context

    @functools.cached_property
    def data(self) -> bytes:
        """The JSON."""
        from server.http.openapi.description import describe

        return dump(describe(self._context.settings, self._context.default_options))

    @functools.cached_property
    def etag(self) -> str:
        """Its ETag."""
        return f'"{hashlib.sha256(self.data).hexdigest()[:32]}"'


class DescriptionHandler(BaseHandler):
    """Answers with the description, which never changes while the server runs."""

    needs = None

    def initialize(self, body: DescriptionBody | None = None) -> None:
        """Called by Tornado with the arguments of the route."""
        assert body is not None
        self._body = body

    def get(self) -> None:
        """200, or 304 if the client has it."""
        headers = {
            "Content-Type": JSON_TYPE,
            "Cache-Control": "no-cache",
            "ETag": self._body.etag,
        }
        self.send_unless_known(Reply(200, headers, (self._body.data,)))

    head = get
