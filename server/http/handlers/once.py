"""Idempotency-Key: a repeated request gets the answer of the first one."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping

from tornado.httputil import HTTPServerRequest

from server.errors import BadRequest
from server.http.context import ServerContext
from server.http.replies import REPLAYED, Reply
from server.http.request_header import request_header
from server.intake.fields import INLINE_BYTES, Form
from server.jobs.record import Claim, Jobs, Kept

HEADER = "Idempotency-Key"
MAX_KEY_CHARACTERS = 255
_REPLAYED = {REPLAYED: "true"}


def idempotency_key(headers: Mapping[str, str]) -> str | None:
    """The key of a request, if it has one; BadRequest if it is not accepted."""
    key = request_header(headers, HEADER)
    if key is None:
        return None
    if not 1 <= len(key) <= MAX_KEY_CHARACTERS or not key.isascii() or not key.isprintable():
        raise BadRequest(f"{HEADER} must have 1 to {MAX_KEY_CHARACTERS} printable ASCII characters")
    return key


async def answer_once(
    context: ServerContext,
    user: str,
    key: str,
    fingerprint: str,
    answer: Callable[[Claim], Awaitable[Reply]],
    replay: Callable[[Jobs, Kept], Awaitable[Reply]],
) -> Reply:
    """The reply, new or as it was kept.

    Errors and converted documents are not kept, so a repeated request is a new one.

    answer: makes the reply; if it accepts a job or batch, it stores that with the claim.
    replay: makes the reply with the job or batch of the first request.
    """
    jobs = await context.jobs.open()
    keys = jobs.idempotency()
    claim = await keys.claim(user, key, fingerprint)
    if isinstance(claim, Kept):
        if claim.reply is not None:
            return _unpacked(claim.reply)
        reply = await replay(jobs, claim)
        return reply._replace(headers={**reply.headers, **_REPLAYED})
    async with keys.answering(claim):
        reply = await answer(claim)
        if reply.status == 200 and reply.stream is None:
            await keys.keep_reply(claim, _packed(reply))
        return reply


async def fingerprint_of(request: HTTPServerRequest, form: Form) -> str:
    """What identifies a request: its address, its fields and its image."""
    upload = form.upload if isinstance(form.upload, bytes) else b""
    size = len(upload) + sum(len(str(value)) for value in form.fields.values())
    if size <= INLINE_BYTES:
        return _fingerprint(request, form)
    return await asyncio.to_thread(_fingerprint, request, form)


def _fingerprint(request: HTTPServerRequest, form: Form) -> str:
    named = [request.method, request.path, request.query, sorted(form.fields.items())]
    hasher = hashlib.sha256(json.dumps(named).encode())
    upload = form.upload or b""
    hasher.update(upload if isinstance(upload, bytes) else upload.digests().sha256.encode())
    return hasher.hexdigest()


def _packed(reply: Reply) -> bytes:
    """A reply as bytes: a line of JSON, then the body."""
    head = json.dumps({"status": reply.status, "headers": dict(reply.headers)})
    return b"".join((head.encode(), b"\n", *reply.body))


def _unpacked(data: bytes) -> Reply:
    head, _, body = data.partition(b"\n")
    values = json.loads(head)
    return Reply(values["status"], {**values["headers"], **_REPLAYED}, (body,))
