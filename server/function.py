"""The handler of a cloud function: HTTP requests, events of object storage, and schedules.

AWS Lambda calls `server.function.handler`. `python -m server.function` answers POST /invoke, as
Function Compute of Alibaba Cloud calls a container. docs/functions.md describes both.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import shlex
import subprocess
import sys
import time
import traceback
from collections.abc import Sequence
from http.client import HTTPException
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, Protocol
from urllib.parse import quote

from server.functions.http_events import (
    Answer,
    Event,
    Request,
    error,
    is_http,
    request_of,
    result_of,
)
from server.functions.instance import Instance

INIT_SECONDS = 9.0  # Lambda ends an instance that has not started within 10 s, and starts another
MARGIN_SECONDS = 0.5  # of the function's time, to answer
STOP_SECONDS = 10.0  # of the function's time, to let a batch stop between two images
WAIT_SECONDS = 60.0  # for objects, the longest that the server allows in one request
BATCH = "OCR_FUNCTION_BATCH"
TOKEN = "OCR_STORAGE__EVENTS_TOKEN"
CREDENTIALS = {  # of the function's role, by the names that clients of S3 read
    "AWS_ACCESS_KEY_ID": "ALIBABA_CLOUD_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY": "ALIBABA_CLOUD_ACCESS_KEY_SECRET",
    "AWS_SESSION_TOKEN": "ALIBABA_CLOUD_SECURITY_TOKEN",
}


class Context(Protocol):
    """What the handler needs of a platform's context."""

    aws_request_id: str

    def get_remaining_time_in_millis(self) -> int:
        """How long this invocation may still take."""


class UnknownEvent(ValueError):
    """The event has none of the forms that the handler knows."""


class Failed(Exception):
    """The event could not be handled; the platform should send it again."""


def handler(event: Event, context: Context) -> Any:
    """Handle one event; an exception is a failed invocation, which the platform reports."""
    deadline = time.monotonic() + context.get_remaining_time_in_millis() / 1000
    if _is_schedule(event):
        return _run_batch(deadline - time.monotonic() - STOP_SECONDS)
    _server.start()
    _server.wait_until_ready(deadline - time.monotonic() - MARGIN_SECONDS)
    if is_http(event):
        request = request_of(event, context.aws_request_id)
        left = deadline - time.monotonic() - MARGIN_SECONDS
        return result_of(event, _answer(request, left, context.aws_request_id))
    if "Records" in event or "events" in event or event.get("source") == "aws.s3":
        return _read_objects(_as_s3(event), deadline - MARGIN_SECONDS, context.aws_request_id)
    raise UnknownEvent(f"this event has no known form; its fields are: {', '.join(event)}")


def _answer(request: Request, seconds: float, request_id: str) -> Answer:
    """The server's answer, or an error if there is none in time."""
    try:
        return _server.exchange(request, max(seconds, 0.001))
    except TimeoutError:
        message = (
            "the time of this invocation is over; send a smaller image, or raise the function's "
            "timeout and memory"
        )
        return error(504, "ocr_timeout", message, request_id)
    except (OSError, HTTPException):
        return error(503, "starting", "the server is being started; try again", request_id)


def _read_objects(event: Event, deadline: float, request_id: str) -> Any:
    """Have the server read the objects of an event; Failed if they are not finished in time.

    The instance is frozen after the invocation, so it waits. Sent again, an event changes nothing.
    """
    headers = [
        ("Host", "localhost"),
        ("Authorization", f"Bearer {_token}"),
        ("Content-Type", "application/json"),
        ("X-Request-Id", request_id),
    ]
    body = json.dumps(event).encode()
    while True:
        left = deadline - time.monotonic()
        wait = max(0.0, min(left - 1, WAIT_SECONDS))
        request = Request("POST", f"/events/s3?wait={wait:.1f}", headers, body)
        answer = _answer(request, left, request_id)
        if answer.status == 200:
            return json.loads(answer.body)
        if answer.status != 202 or not wait:
            raise Failed(f"the server answered {answer.status}: {answer.body.decode()}")


def _as_s3(event: Event) -> Event:
    """An event of OSS as one of S3, whose keys are quoted; others as they are."""
    if "events" not in event:
        return event
    records = []
    for each in event["events"]:
        found = each["oss"]["object"]
        s3 = {
            "bucket": {"name": each["oss"]["bucket"]["name"]},
            "object": {**found, "key": quote(found["key"])},
        }
        records.append({"eventVersion": "2.1", "eventName": each["eventName"], "s3": s3})
    return {"Records": records}


def _is_schedule(event: Event) -> bool:
    """Whether it is a schedule of EventBridge, or a timer of Function Compute."""
    return event.get("detail-type") == "Scheduled Event" or "triggerTime" in event


def _run_batch(seconds: float) -> dict[str, str]:
    """Run `ocr-server batch`; Failed if it does not end with status 0 in time.

    What is left is done by the next run, since a batch begins where the last one stopped.
    """
    arguments = shlex.split(os.environ.get(BATCH, ""))
    if not arguments:
        raise Failed(f"a schedule needs {BATCH}: the arguments of `ocr-server batch`")
    process = subprocess.Popen([sys.executable, "-m", "server", "batch", *arguments])
    try:
        status = process.wait(max(seconds, 0))
    except subprocess.TimeoutExpired:
        process.terminate()
        try:
            process.wait(STOP_SECONDS / 2)
        finally:
            process.kill()
        raise Failed("the time of this invocation is over; the next run does the rest") from None
    if status:
        raise Failed(f"`ocr-server batch` ended with status {status}; the log says why")
    return {"status": "done"}


class _Invocation:
    """The context of an invocation by Function Compute, which has a time limit but does not say it.

    aws_request_id: its name on Lambda.
    """

    def __init__(self, request_id: str, seconds: float) -> None:
        self.aws_request_id = request_id
        self._deadline = time.monotonic() + seconds

    def get_remaining_time_in_millis(self) -> int:
        """See Context."""
        return max(0, int((self._deadline - time.monotonic()) * 1000))


class _Invocations(BaseHTTPRequestHandler):
    """Answers POST /invoke, one at a time. seconds: of each invocation."""

    protocol_version = "HTTP/1.1"
    seconds = 60.0

    def do_POST(self) -> None:
        """Called by BaseHTTPRequestHandler."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path != "/invoke":
            self._send(404, {"errorMessage": "only POST /invoke is answered here"})
            return
        context = _Invocation(self.headers.get("x-fc-request-id", ""), self.seconds)
        try:
            self._send(200, handler(json.loads(body), context))
        except Exception as problem:
            traceback.print_exc()
            self._send(500, {"errorMessage": str(problem), "errorType": type(problem).__name__})

    def _send(self, status: int, result: object) -> None:
        """Send an answer. Function Compute reads whether it failed from x-fc-status, 200 or 404."""
        body = json.dumps(result).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("x-fc-status", "200" if status == 200 else "404")
        self.end_headers()
        self.wfile.write(body)


def main(arguments: Sequence[str] | None = None) -> int:
    """Answer POST /invoke until a signal ends the process."""
    parser = argparse.ArgumentParser(prog="python -m server.function", description=main.__doc__)
    parser.add_argument("--address", default="0.0.0.0", help="listen on this address")
    parser.add_argument("--port", type=int, default=9000, help="the port of the function, CAPort")
    parser.add_argument("--timeout", type=float, default=60, help="the function's timeout, seconds")
    options = parser.parse_args(arguments)
    for name, given in CREDENTIALS.items():
        if given in os.environ:
            os.environ.setdefault(name, os.environ[given])
    _Invocations.seconds = options.timeout
    _server.start()
    with HTTPServer((options.address, options.port), _Invocations) as server:
        print(f"listens on port {server.server_port} for POST /invoke", flush=True)
        server.serve_forever()
    return 0


_token = os.environ.get(TOKEN) or secrets.token_urlsafe(32)
_server = Instance({TOKEN: _token, "OCR_STORAGE__LIST_SECONDS": "0"})  # a schedule lists

if "AWS_LAMBDA_RUNTIME_API" in os.environ:
    # Lambda imports this module when it makes an instance. What is done then does not count as
    # part of the first invocation, and with provisioned instances it is done in advance.
    _server.start()
    _server.wait_until_ready(INIT_SECONDS)

if __name__ == "__main__":
    sys.exit(main())
