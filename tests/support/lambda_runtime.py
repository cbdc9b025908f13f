"""AWS Lambda on this machine: its Runtime API, and an instance with AWS's own client for Python."""

from __future__ import annotations

import json
import queue
import sys
import threading
import time
import uuid
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any

from checkers import find_packages
from tests.support.checkout import ROOT
from tests.support.program import Program

HANDLER = "server.function.handler"
ANSWER_SECONDS = 180.0
FUNCTION_SECONDS = 120.0  # the function's timeout

# The client is installed apart from the server's packages, which must come first.
_CLIENT = """
import runpy, site, sys
site.addsitedir({folder!r})
sys.argv[1:] = [{handler!r}]
runpy.run_module("awslambdaric", run_name="__main__")
"""


@dataclass(frozen=True)
class Outcome:
    """The end of an invocation: what the handler returned, or the error that it raised."""

    result: Any = None
    error: Any = None


class Runtime:
    """The Runtime API: the routes that a client asks for events, and posts results to."""

    def __init__(self) -> None:
        self.init_errors: list[Any] = []
        self.asked = threading.Event()  # for the first event: the instance has started
        self._events: queue.Queue[tuple[str, bytes, float] | None] = queue.Queue()
        self._open: dict[str, Future[Outcome]] = {}

    def __enter__(self) -> Runtime:
        handler = type("Handler", (_Handler,), {"runtime": self})
        self._server = _Server(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._events.put(None)
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def address(self) -> str:
        """AWS_LAMBDA_RUNTIME_API."""
        return f"127.0.0.1:{self._server.server_port}"

    def send(self, event: object, seconds: float = FUNCTION_SECONDS) -> Future[Outcome]:
        """Give an event to the next instance that asks. seconds: the function's timeout."""
        invocation = str(uuid.uuid4())
        self._open[invocation] = Future()
        self._events.put((invocation, json.dumps(event).encode(), seconds))
        return self._open[invocation]

    def invoke(self, event: object, seconds: float = FUNCTION_SECONDS) -> Outcome:
        """Give an event and wait for its outcome."""
        return self.send(event, seconds).result(ANSWER_SECONDS)

    def next_event(self) -> tuple[str, bytes, float] | None:
        """Wait for an event; None at the end."""
        self.asked.set()
        return self._events.get()

    def finish(self, invocation: str, outcome: Outcome) -> None:
        """An instance has handled an event."""
        self._open.pop(invocation).set_result(outcome)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """An instance that is killed is none of its business."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    runtime: Runtime

    def do_GET(self) -> None:
        assert self.path == "/2018-06-01/runtime/invocation/next"
        found = self.runtime.next_event()
        if found is None:
            self.close_connection = True
            return
        invocation, event, seconds = found
        deadline = int((time.time() + seconds) * 1000)
        self._send(
            200,
            event,
            {
                "Lambda-Runtime-Aws-Request-Id": invocation,
                "Lambda-Runtime-Deadline-Ms": str(deadline),
                "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:eu-west-1:1:function:ocr",
            },
        )

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        *_, invocation, kind = self.path.split("/")
        if self.path == "/2018-06-01/runtime/init/error":
            self.runtime.init_errors.append(body)
        elif kind == "response":
            self.runtime.finish(invocation, Outcome(result=body))
        else:
            assert kind == "error"
            self.runtime.finish(invocation, Outcome(error=body))
        self._send(202, b'{"status": "OK"}', {})

    def _send(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Type": "application/json"}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Keep the tests' output clean."""


class FunctionInstance(Program):
    """An instance of the function: AWS's client, the handler, and the server that it starts.

    prefix: a command that runs the client's command.
    """

    def __init__(
        self,
        folder: Path,
        runtime: Runtime,
        environment: Mapping[str, str] | None = None,
        prefix: Sequence[str] = (),
        handler: str = HANDLER,
    ) -> None:
        variables = {
            "AWS_LAMBDA_RUNTIME_API": runtime.address,
            "OCR_OCR__PROCESS__NUMBER": "1",
            "OCR_OCR__PROCESS__SPARES": "0",
            "TMPDIR": str(folder),
        }
        super().__init__(folder, {**variables, **(environment or {})}, detached=True)
        self._runtime = runtime
        self._command = [
            *prefix,
            sys.executable,
            "-c",
            _CLIENT.format(folder=str(find_packages()), handler=handler),
        ]

    def start(self) -> None:
        """Start the client, without waiting."""
        self.spawn(self._command, ROOT)

    def __enter__(self) -> FunctionInstance:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.kill()
        self.stop()
        if error is not None:
            print(self.output)
