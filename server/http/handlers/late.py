"""Routes whose handlers are imported with their first request, because most servers use few."""

from __future__ import annotations

import functools
import importlib
from typing import Any

import tornado.web
from tornado.httputil import HTTPMessageDelegate, HTTPServerRequest
from tornado.routing import PathMatches, Router

_MODULES = "server.http.handlers."


class LateRoute(Router):
    """A target in the route table of an application. place: `module:name` in this folder."""

    def __init__(self, application: tornado.web.Application, place: str) -> None:
        self._application = application
        self._place = place

    @functools.cached_property
    def target(self) -> Any:
        """The handler, or the router that creates one."""
        module, _, name = self._place.partition(":")
        return getattr(importlib.import_module(_MODULES + module), name)

    def find_handler(self, request: HTTPServerRequest, **kwargs: Any) -> HTTPMessageDelegate | None:
        """Called by Tornado with the arguments of the route."""
        target = self.target
        if isinstance(target, Router):
            return target.find_handler(request, **kwargs)
        return self._application.get_handler_delegate(request, target, **kwargs)


class PostTo(PathMatches):
    """Matches POST to a path, for a path whose other methods have another handler."""

    def match(self, request: HTTPServerRequest) -> dict[str, Any] | None:
        """Called by Tornado."""
        return super().match(request) if request.method == "POST" else None
