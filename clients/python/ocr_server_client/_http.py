"""What both clients share of HTTP: requests, answers, and Server-Sent Events."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

import httpx2

from ocr_server_client._errors import NoAnswer
from ocr_server_client._results import Batch, Event, Job
from ocr_server_client._steps import Answer, Call, Lost, Retries, error_of
from ocr_server_client._version import VERSION

DEFAULT_URL = "http://127.0.0.1:8888"
CONNECT_SECONDS = 10.0
SILENT_SECONDS = 60.0  # between events; the server sends a comment every 15 s


def settings(url: str, key: str | None, timeout: float) -> dict[str, Any]:
    """The arguments of an HTTP client."""
    headers = {"User-Agent": f"ocr-server-client/{VERSION}"}
    if key is not None:
        headers["X-Api-Key"] = key
    return {
        "base_url": url.rstrip("/"),
        "headers": headers,
        "timeout": httpx2.Timeout(timeout, connect=CONNECT_SECONDS),
    }


def request_arguments(call: Call) -> dict[str, Any]:
    """The arguments of a request."""
    found: dict[str, Any] = {
        "method": call.method,
        "url": call.path,
        "params": dict(call.params),
        "headers": dict(call.headers),
    }
    if call.files:
        found["files"] = [("file", (name, content)) for name, content in call.files]
        found["data"] = dict(call.data)
    elif call.json is not None:
        found["json"] = call.json
    elif call.content is not None:
        found["content"] = call.content
    return found


def answer_of(response: httpx2.Response) -> Answer:
    """The answer in a response."""
    body = response.content
    parsed: Any = None
    if response.headers.get("content-type", "").startswith("application/json"):
        with contextlib.suppress(ValueError):
            parsed = json.loads(body)
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Answer(response.status_code, headers, body, parsed)


def lost(error: httpx2.TransportError) -> Lost:
    """Why there is no answer."""
    before = isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout | httpx2.PoolTimeout)
    what = "no connection to the server" if before else "no answer from the server"
    return Lost(f"{what}: {error or type(error).__name__}", sent=not before)


def id_of(named: Job | Batch | str) -> str:
    """The id of a job or batch."""
    return named if isinstance(named, str) else named.id


def with_webhook(options: Mapping[str, Any], webhook_url: str | None) -> dict[str, Any]:
    """The options, and where a message is posted at the end."""
    return {**options} if webhook_url is None else {**options, "webhook_url": webhook_url}


class SseParser:
    """Parses Server-Sent Events; remembers the last id, to continue after a lost connection."""

    def __init__(self) -> None:
        self.last_id = ""
        self._rest = ""
        self._losses = 0

    def feed(self, text: str) -> Iterator[Event]:
        """The events that are complete with this text."""
        self._rest += text
        while "\n\n" in self._rest:
            block, _, self._rest = self._rest.partition("\n\n")
            fields = [line.partition(":") for line in block.splitlines()]
            values = {name: value.removeprefix(" ") for name, _, value in fields if name}
            if "data" in values:
                self._losses = 0
                self.last_id = values.get("id", self.last_id)
                data = json.loads(values["data"])
                yield Event(values.get("event", "message"), self.last_id, data)

    def lost(self, error: httpx2.TransportError, retries: Retries) -> None:
        """Note a lost connection; NoAnswer if there were too many without an event."""
        self._rest = ""
        self._losses += 1
        if self._losses * retries.first > retries.seconds:
            raise NoAnswer(lost(error).reason) from error


def event_request(job_id: str, parser: SseParser) -> dict[str, Any]:
    """The arguments of the request for the events of a job."""
    headers = {"Accept": "text/event-stream"}
    if parser.last_id:
        headers["Last-Event-ID"] = parser.last_id
    return {
        "method": "GET",
        "url": f"/jobs/{job_id}/events",
        "headers": headers,
        "timeout": httpx2.Timeout(CONNECT_SECONDS, read=SILENT_SECONDS),
    }


def raise_for_events(response: httpx2.Response, body: bytes) -> None:
    """OcrError for a refused request for events; its body has been read."""
    raise error_of(answer_of(response))
