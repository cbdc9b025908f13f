"""/mcp: the Model Context Protocol over streamable HTTP, for agents."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import Awaitable, Mapping, Sequence
from typing import Any

from ocr_engine.errors import PoolDraining
from ocr_engine.result import Document
from server.agents.tools import AskedImage, SourceKind, reads_image
from server.errors import BadRequest, BodyTooLarge
from server.formats.stored import decode_result
from server.http.context import ServerContext
from server.http.errors import error_of_code, public_error
from server.http.gate import require
from server.http.handlers.base import BaseHandler
from server.http.handlers.mcp_bridge import McpBridge
from server.http.replies import Reply
from server.http.request_scope import RequestScope
from server.intake.request import ImageSource, OcrRequest


class McpHandler(BaseHandler):
    """POST /mcp; a call that reads an image takes from the same limits as POST /ocr."""

    limited = False  # what a request takes of its limits depends on its body

    def initialize(self, bridge: McpBridge | None = None) -> None:
        """Called by Tornado with the arguments of the route."""
        assert bridge is not None
        self._bridge = bridge
        self._body: list[bytes] = []
        self._received = 0
        self._held = 0

    def data_received(self, chunk: bytes) -> None:
        """Called by Tornado with the next chunk of the body."""
        self._received += len(chunk)
        self.scope.received += len(chunk)
        if self._received > self.context.max_body_bytes:
            self._body.clear()
        else:
            self._body.append(chunk)
        self._hold(sum(map(len, self._body)))

    async def post(self) -> None:
        """Answer one message."""
        try:
            reply = await self._reply()
        except Exception as error:
            self.send_problem(error)
        else:
            self.send(reply)
        finally:
            self._hold(0)

    def on_connection_close(self) -> None:
        """Called by Tornado when the client disconnects before the answer is written."""
        super().on_connection_close()
        self._hold(0)

    async def _reply(self) -> Reply:
        if self.context.draining:
            raise PoolDraining("the server is stopping; call another one")
        if self._received > self.context.max_body_bytes:
            raise BodyTooLarge(
                f"the body is larger than the limit of {self.context.max_body_bytes} bytes"
            )
        self.context.inflight.check(0)
        body = b"".join(self._body)
        tool = await asyncio.to_thread(_called_tool, body)
        is_recognition = tool is not None and reads_image(tool)
        waiting = self._take_limits(is_recognition)
        if waiting is not None:
            await waiting
        service = HttpAgentService(self.context, self.scope)
        reply = await self._bridge.answer(self.request, body, service)
        if is_recognition:
            outcome = service.outcome(reply)
            if self.scope.admission is not None:
                cache = "hit" if self.scope.cached else "miss"
                self.scope.admission.settle(outcome.status, cache)
            self.scope.count(outcome)
        return reply

    def _take_limits(self, is_recognition: bool) -> Awaitable[None] | None:
        """Check the limits of address and user; RateLimited or QuotaExceeded."""
        limiter = self.context.limiter
        limiter.check_address(self.scope.address)
        admission = limiter.admission(self.scope.principal)
        if admission is None:
            return None
        self.scope.admission = admission
        return admission.enter(is_recognition)

    def _hold(self, size: int) -> None:
        """Count the body as bytes in memory."""
        self.context.inflight.received += size - self._held
        self._held = size


class HttpAgentService:
    """Answers the tools of one request with the server's own parts; see AgentService."""

    has_jobs = True

    def __init__(self, context: ServerContext, scope: RequestScope) -> None:
        self._context = context
        self._scope = scope
        self._error: BaseException | None = None

    @property
    def sources(self) -> Sequence[SourceKind]:
        """See AgentService."""
        urls: tuple[SourceKind, ...] = ("image_url",) if self._context.sources.accepts_urls else ()
        return ("path", "image", *urls)

    async def read(self, image: AskedImage) -> Document:
        """See AgentService."""
        try:
            return await self._read(image)
        except Exception as error:
            self._error = error
            raise

    async def job(self, job_id: str) -> tuple[Mapping[str, Any], Document | None]:
        """See AgentService."""
        require(self._scope.principal, "jobs")
        jobs = await self._context.jobs.open()
        job = await jobs.get(self._scope.principal.user, job_id)
        state: dict[str, Any] = {"job_id": job.job_id, "state": job.state}
        if job.position:
            state["position"] = job.position
        if job.error is not None:
            state["error"] = {"code": job.error.code, "message": job.error.message}
        if job.state != "done":
            return state, None
        answer = await jobs.answer(job)
        return state, await asyncio.to_thread(decode_result, answer.result)

    def outcome(self, reply: Reply) -> Reply:
        """How the recognition ended, as POST /ocr would have answered it; for usage and quota."""
        if self._error is None:
            return Reply(reply.status, {}, ())
        problem = public_error(self._error)
        shown = error_of_code(problem.code, problem.message)
        return Reply(shown.status, {}, (), shown.code)

    async def _read(self, image: AskedImage) -> Document:
        source = self._source(image)
        require(self._scope.principal, source.scope)
        options = dataclasses.replace(self._context.default_options, models=image.models)
        request = OcrRequest(source, options)
        ticket = await self._context.service.submit(request, self._scope.principal.turn())
        answer = await ticket.answer()
        self._scope.cached = int(ticket.outcome != "miss")
        if not self._scope.cached:
            spent = (each for name, each in answer.stages.items() if name != "queue")
            self._scope.recognition_seconds = sum(spent)
        return await asyncio.to_thread(decode_result, answer.result)

    def _source(self, image: AskedImage) -> ImageSource:
        sources = self._context.sources
        if image.kind == "path":
            return sources.rooted_file(image.value)
        return sources.base64(image.value) if image.kind == "image" else sources.url(image.value)


def _called_tool(body: bytes) -> str | None:
    """The name of the tool that a message calls; None if it calls none."""
    try:
        message = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"the body is not JSON: {error}") from None
    if not isinstance(message, dict) or message.get("method") != "tools/call":
        return None
    params = message.get("params")
    name = params.get("name") if isinstance(params, dict) else None
    return name if isinstance(name, str) else None
