"""Requests to a server that speaks OpenAI's chat completions: an image and a prompt, one answer."""

from __future__ import annotations

import asyncio
import email.utils
import json
import logging
import random
import ssl
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import httpx2

from ocr_engine.errors import BackendFailed, BackendUnavailable, EngineError, ImageTooComplex
from ocr_engine.remote.kinds.kind import Fields, SentImage
from ocr_engine.remote.spec import RemoteSet

MAX_ANSWER_BYTES = 4 << 20
CONNECT_SECONDS = 5.0
KEPT_SECONDS = 4.0  # an idle connection; servers close theirs after five seconds or more
FIRST_DELAY_SECONDS, LONGEST_DELAY_SECONDS = 0.5, 30.0
RETRIED = frozenset((408, 409, 425, 429, 500, 502, 503, 504))
SHOWN_CHARACTERS = 200  # of a refusal, in the log

log = logging.getLogger(__name__)


class _TryAgain(Exception):
    """This attempt failed; another one may not. after: seconds, if the server says so."""

    def __init__(self, reason: str, after: float | None = None, answered: bool = False) -> None:
        super().__init__(reason)
        self.after = after
        self.answered = answered


class ChatClient:
    """The requests of one set, at most `concurrency` of them open.

    A request that is cancelled closes its connection, so that the server can stop its work.
    jitter: a number from 0 to 1. outcomes: how many attempts were `ok`, `retried` or `failed`.
    """

    def __init__(self, remote: RemoteSet, jitter: Callable[[], float] = random.random) -> None:
        self.outcomes: Counter[str] = Counter()
        self._remote = remote
        self._jitter = jitter
        self._places = asyncio.Semaphore(remote.concurrency)
        self._client: httpx2.AsyncClient | None = None

    async def ask(
        self, image: SentImage, prompt: str, fields: Fields, system: str, deadline: float
    ) -> str:
        """The content of the answer; BackendUnavailable, BackendFailed or ImageTooComplex.

        deadline: of the event loop's clock; no attempt begins later.
        """
        body = _body(self._remote, image, prompt, fields, system)
        for attempt in range(1, self._remote.attempts + 1):
            try:
                async with self._places:
                    content = await self._attempt(body)
            except _TryAgain as problem:
                await self._wait(problem, attempt, deadline)
            except EngineError:
                self.outcomes["failed"] += 1
                raise
            else:
                self.outcomes["ok"] += 1
                return content
        raise AssertionError("the last attempt returns or raises")

    async def close(self) -> None:
        """Close all connections."""
        if self._client is not None:
            await self._client.aclose()

    async def _wait(self, problem: _TryAgain, attempt: int, deadline: float) -> None:
        """Wait until the next attempt; raises the error if there is none."""
        delay = min(FIRST_DELAY_SECONDS * 2 ** (attempt - 1), LONGEST_DELAY_SECONDS)
        delay *= 0.5 + 0.5 * self._jitter()
        if problem.after is not None:
            delay = max(delay, problem.after)
        is_late = asyncio.get_running_loop().time() + delay >= deadline
        if attempt < self._remote.attempts and not is_late:
            self.outcomes["retried"] += 1
            await asyncio.sleep(delay)
            return
        self.outcomes["failed"] += 1
        log.warning("models %s: given up after %d attempts: %s", self._name, attempt, problem)
        told = f"the server of the models {self._name} {problem}"
        if problem.answered:
            raise BackendFailed(f"{told}; the log of this server has more")
        raise BackendUnavailable(f"{told}; try again later", problem.after)

    async def _attempt(self, body: bytes) -> str:
        try:
            status, headers, answer = await self._exchange(body)
        except httpx2.TransportError as error:
            raise _TryAgain(_reason(error)) from None
        if status in RETRIED:
            self._log_refusal(status, answer)
            raise _TryAgain(f"answers {status}", _retry_after(headers.get("Retry-After")))
        if status != 200:
            self._log_refusal(status, answer)
            raise BackendFailed(
                f"the server of the models {self._name} refused the request with {status}; the log "
                "of this server has the reason"
            )
        return self._content(answer)

    async def _exchange(self, body: bytes) -> tuple[int, httpx2.Headers, bytes]:
        """Status, headers and body of the answer."""
        if self._client is None:
            self._client = _client(self._remote)
        async with self._client.stream("POST", "chat/completions", content=body) as response:
            answer = bytearray()
            async for piece in response.aiter_raw():
                answer += piece
                if len(answer) > MAX_ANSWER_BYTES:
                    raise BackendFailed(
                        f"the answer of the models {self._name} is larger than "
                        f"{MAX_ANSWER_BYTES} bytes"
                    )
            return response.status_code, response.headers, bytes(answer)

    def _content(self, answer: bytes) -> str:
        """What the model has written; its reason for ending must be that it was finished."""
        try:
            choice = json.loads(answer)["choices"][0]
            content, reason = choice["message"].get("content"), choice.get("finish_reason")
        except (ValueError, RecursionError, KeyError, IndexError, TypeError, AttributeError):
            log.warning("models %s: an answer is no chat completion", self._name)
            raise _TryAgain("sends answers that are not understood", answered=True) from None
        if reason == "length":
            raise ImageTooComplex(
                f"the answer of the models {self._name} to this image is longer than they may "
                "write, and was cut off; send a part of the page"
            )
        if reason != "stop" or not isinstance(content, str | None):
            raise BackendFailed(
                f"the models {self._name} did not finish their answer to this image: {reason}"
            )
        return content or ""

    def _log_refusal(self, status: int, answer: bytes) -> None:
        shown = answer[:SHOWN_CHARACTERS].decode("utf-8", "replace")
        log.warning("models %s: %d %s", self._name, status, " ".join(shown.split()))

    @property
    def _name(self) -> str:
        return self._remote.name


def _client(remote: RemoteSet) -> httpx2.AsyncClient:
    """Connections with the system's certificate authorities, or those of SSL_CERT_FILE.

    There are no limits of time here, as the deadline of the image cancels the request.
    """
    headers = {"Content-Type": "application/json", "Accept-Encoding": "identity"}
    if remote.key is not None:
        headers["Authorization"] = f"Bearer {remote.key}"
    return httpx2.AsyncClient(
        base_url=remote.url,
        headers=headers,
        verify=ssl.create_default_context(),
        timeout=httpx2.Timeout(None, connect=CONNECT_SECONDS),
        limits=httpx2.Limits(
            max_connections=remote.concurrency,
            max_keepalive_connections=remote.concurrency,
            keepalive_expiry=KEPT_SECONDS,
        ),
        follow_redirects=False,
        trust_env=False,
    )


def _body(remote: RemoteSet, image: SentImage, prompt: str, fields: Fields, system: str) -> bytes:
    """The body of a request; the image is inserted as bytes, as it may be large."""
    rest: dict[str, Any] = {"model": remote.model, **fields, **remote.sampling}
    rest = {name: value for name, value in rest.items() if value is not None}
    messages = _json({"role": "system", "content": system}) + b"," if system else b""
    return b"".join(
        (
            _json(rest)[:-1],
            b',"messages":[',
            messages,
            b'{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:',
            image.media_type.encode(),
            b";base64,",
            image.base64,
            b'"}},',
            _json({"type": "text", "text": prompt}),
            b"]}]}",
        )
    )


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _reason(error: httpx2.TransportError) -> str:
    """What happened to the connection, without its address."""
    if isinstance(error, httpx2.ConnectTimeout):
        return f"does not accept a connection within {CONNECT_SECONDS:g} s"
    if isinstance(error, httpx2.ConnectError):
        return "is not reachable"
    return "closed the connection before it had answered"


def _retry_after(text: str | None) -> float | None:
    """Seconds, from a number or a date; None if there is neither."""
    if text is None:
        return None
    try:
        return min(max(float(text), 0.0), 86_400.0)
    except ValueError:
        pass
    try:
        return max(email.utils.parsedate_to_datetime(text).timestamp() - time.time(), 0.0)
    except (ValueError, OverflowError):
        return None
