"""The routes of other servers' APIs. An API's module is imported with its first request."""

from __future__ import annotations

import importlib
from collections.abc import Awaitable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from tornado.httputil import HTTPServerRequest
from tornado.routing import PathMatches, Router, Rule

from server.http.context import ServerContext
from server.http.dialects.dialect import (
    BodyApi,
    Call,
    DialectFactory,
    KeyInBody,
    Targets,
)
from server.http.dialects.shared_ocr import SharedApi, SharedOcr, shared_rules
from server.http.gate import admit_address, admit_key
from server.http.handlers.exchange import Exchange
from server.http.handlers.incoming_body import finished
from server.http.handlers.recognize import RecognizeExchange
from server.http.handlers.several import SeveralExchange
from server.http.replies import Reply
from server.http.request_scope import RequestScope
from server.intake.body import BodyReader
from server.settings.dialect_row import DialectRow, Route
from server.settings.dialects import chosen

_MODULES = "server.http.dialects."


class CallExchange(Exchange):
    """Answers a request that recognizes nothing."""

    dialect: Call

    def body_complete(self, reader: BodyReader) -> None:
        """Answer in a task."""
        self.answer_with(self._answer(reader))

    async def _answer(self, reader: BodyReader) -> Reply:
        return await self.dialect.answer(await finished(reader))


class KeyInBodyExchange(RecognizeExchange):
    """A recognition that is admitted after its body, if no header has a key."""

    dialect: KeyInBody

    def admit(self) -> Awaitable[None] | None:
        """Admit the request by its headers, or only its address."""
        if self.dialect.key(self.request.headers) is not None:
            return super().admit()
        return admit_address(self.context, self.request, self.scope)

    def body_complete(self, reader: BodyReader) -> None:
        """See RecognizeExchange."""
        if self.scope.admitted:
            super().body_complete(reader)
        else:
            self.answer_with(self._answer_if_admitted(reader))

    async def _answer_if_admitted(self, reader: BodyReader) -> Reply:
        form = await finished(reader)
        waiting = admit_key(self.context, self.scope, self.dialect.key_in_body(form), "read")
        if waiting is not None:
            await waiting
        return await self.recognized(form)


class _ExchangeFactory(Protocol):
    def __call__(
        self, context: ServerContext, request: HTTPServerRequest, scope: RequestScope, dialect: Any
    ) -> Exchange: ...


_EXCHANGES: Mapping[str, _ExchangeFactory] = {
    "recognition": RecognizeExchange,
    "key_in_body": KeyInBodyExchange,
    "several": SeveralExchange,
    "call": CallExchange,
}


class ForeignApiModule:
    """The module of a dialect, imported when it is first needed."""

    def __init__(self, row: DialectRow) -> None:
        self._row = row
        self._targets: Targets | None = None

    def targets(self, context: ServerContext) -> Targets:
        """What answers the dialect's routes."""
        if self._targets is None:
            module = importlib.import_module(_MODULES + self._row.module)
            self._targets = module.targets(context)
        return self._targets

    def rules(self, given: Mapping[str, Any]) -> Iterator[Rule]:
        """The routes of the dialect; given: what each route needs."""
        for route in self._row.routes:
            target = ForeignRoute(self, route)
            yield Rule(PathMatches(f"{self._row.prefix}{route.pattern}$"), target, dict(given))
            if route.place == "own":
                yield Rule(PathMatches(f"{route.pattern}$"), target, dict(given))


class ForeignRoute(Router):
    """Creates an exchange for each request; a target in the route table."""

    def __init__(self, module: ForeignApiModule, route: Route) -> None:
        self._module = module
        self._route = route

    def find_handler(self, request: HTTPServerRequest, **kwargs: Any) -> Exchange:
        """Called by Tornado with the arguments of the route."""
        context: ServerContext = kwargs["target_kwargs"]["context"]
        target = self._module.targets(context)[self._route.target]
        scope = RequestScope.enter(context, request, recognition=target.kind != "call")
        arguments = [each.decode("utf-8", "replace") for each in kwargs.get("path_args", ())]
        api: BodyApi = target.make(context, request, scope, *arguments)
        return _EXCHANGES[target.kind](context, request, scope, api)


class ForeignRoutes:
    """The routes of several dialects. shared_ocr: their API of POST /ocr; None if none has it."""

    def __init__(self, rows: Sequence[DialectRow]) -> None:
        self._modules = {row: ForeignApiModule(row) for row in rows}
        shared = [
            SharedApi(row, route.target, module.targets)
            for row, module in self._modules.items()
            for route in row.routes
            if route.place == "shared"
        ]
        self.shared_ocr = _shared_ocr(shared) if shared else None

    def rules(self, given: Mapping[str, Any]) -> Iterator[Rule]:
        """All routes but the shared one; given: what each needs."""
        for module in self._modules.values():
            yield from module.rules(given)


def foreign_routes(names: Sequence[str]) -> ForeignRoutes:
    """The routes of the dialects with these names."""
    return ForeignRoutes(list(chosen(names)))


def _shared_ocr(apis: Sequence[SharedApi]) -> DialectFactory:
    rules = shared_rules(apis)

    def make(context: ServerContext, request: HTTPServerRequest, scope: RequestScope) -> SharedOcr:
        return SharedOcr(context, request, scope, apis, rules)

    return make
