"""Passes requests to the session manager of MCP's SDK, which is an ASGI application.

It runs without sessions and answers each POST with one JSON body, so that nothing of a request is
left when it is answered.
"""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from tornado.httputil import HTTPServerRequest

from server.http.replies import Reply

SERVICE = "ocr.service"  # in the scope: what answers the request

_HOP = ("connection", "content-length", "transfer-encoding", "keep-alive", "date", "server")

Message = MutableMapping[str, Any]
Application = Callable[
    [Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]],
    Awaitable[None],
]


class McpBridge:
    """Background work: the SDK is imported, and its session manager run, from the first request."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._wanted = asyncio.Event()
        self._application: asyncio.Future[Application] | None = None

    async def run(self) -> None:
        """Run the session manager until cancelled."""
        await self._wanted.wait()
        assert self._application is not None
        try:
            manager = await asyncio.to_thread(self._manager)
            async with manager.run():
                self._application.set_result(manager.asgi_app)
                await asyncio.get_running_loop().create_future()
        except Exception as error:
            if not self._application.done():
                self._application.set_exception(error)
            raise

    async def answer(self, request: HTTPServerRequest, body: bytes, service: object) -> Reply:
        """The SDK's answer to a request."""
        if self._application is None:
            self._application = asyncio.get_running_loop().create_future()
            self._wanted.set()
        application = await asyncio.shield(self._application)
        exchange = _Exchange(body)
        await application(_scope(request, service), exchange.receive, exchange.send)
        return exchange.reply()

    def _manager(self) -> Any:
        """The session manager; importing the SDK takes a second, so this runs in a thread."""
        manager: Any = importlib.import_module("mcp.server.streamable_http_manager")
        protocol: Any = importlib.import_module("server.agents.protocol")
        server = protocol.agent_server(lambda request: request.scope[SERVICE])
        return manager.StreamableHTTPSessionManager(
            server, json_response=True, stateless=True, max_request_body_size=self._max_bytes
        )


class _Exchange:
    """One request to the application, and its answer."""

    def __init__(self, body: bytes) -> None:
        self._body: bytes | None = body
        self._status = 500
        self._headers: dict[str, str] = {}
        self._answer: list[bytes] = []

    async def receive(self) -> Message:
        """The body; then nothing until the request is answered."""
        if self._body is None:
            await asyncio.get_running_loop().create_future()
        body, self._body = self._body, None
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(self, message: Message) -> None:
        """Collect the answer."""
        if message["type"] == "http.response.start":
            self._status = message["status"]
            headers = ((name.decode(), value.decode()) for name, value in message["headers"])
            self._headers = {name: value for name, value in headers if name.lower() not in _HOP}
        elif message["type"] == "http.response.body":
            self._answer.append(message.get("body", b""))

    def reply(self) -> Reply:
        """The answer."""
        return Reply(self._status, self._headers, tuple(each for each in self._answer if each))


def _scope(request: HTTPServerRequest, service: object) -> Message:
    headers = [
        (name.lower().encode("latin-1"), value.encode("latin-1"))
        for name, value in request.headers.get_all()
    ]
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": "http",
        "path": request.path,
        "raw_path": request.path.encode("latin-1"),
        "query_string": b"",
        "root_path": "",
        "headers": headers,
        "client": None,
        "server": None,
        SERVICE: service,
    }
