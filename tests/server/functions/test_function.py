"""What the handler makes of events that are no HTTP requests, and POST /invoke."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import server.function as function
from server.functions.http_events import Answer, Event, Request
from tests.support.checkout import ROOT
from tests.support.function_events import oss_event, s3_event, schedule_event, timer_event
from tests.support.http_client import Client
from tests.support.program import Program, free_port
from tests.support.watching import wait_until

DONE = Answer(200, [], b'{"status": "success"}')
PENDING = Answer(202, [], b'{"status": "accepted"}')


@dataclass
class Context:
    """Of an invocation that may take some seconds."""

    seconds: float = 30.0
    aws_request_id: str = "id-1"
    started: float = field(default_factory=time.monotonic)

    def get_remaining_time_in_millis(self) -> int:
        return int((self.started + self.seconds - time.monotonic()) * 1000)


class Scripted:
    """Instead of the server: keeps requests, and answers as the test says."""

    def __init__(self, *answers: Answer) -> None:
        self.requests: list[Request] = []
        self._answers = list(answers)

    def start(self) -> None:
        """It is always there."""

    def wait_until_ready(self, seconds: float) -> bool:
        return True

    def exchange(self, request: Request, seconds: float) -> Answer:
        assert seconds > 0
        self.requests.append(request)
        return self._answers.pop(0)


Use = Callable[..., Scripted]


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Use:
    """Gives the handler a scripted server."""

    def given(*answers: Answer) -> Scripted:
        scripted = Scripted(*answers)
        monkeypatch.setattr(function, "_server", scripted)
        return scripted

    return given


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file with the arguments of the last command; `then` is what else the command does."""
    program, said = tmp_path / "python", tmp_path / "said"
    program.write_text(f'#!/bin/sh\necho "$@" > {said}\n. {tmp_path / "then"}\n')
    program.chmod(0o755)
    (tmp_path / "then").touch()
    monkeypatch.setattr(sys, "executable", str(program))
    return said


def told(request: Request) -> Any:
    assert request.method == "POST"
    assert request.target.startswith("/events/s3?wait=")
    headers = dict(request.headers)
    assert headers["Authorization"].removeprefix("Bearer ") == function._token
    assert headers["Content-Type"] == "application/json"
    assert headers["X-Request-Id"] == "id-1"
    return json.loads(request.body)


def test_an_event_of_s3_is_given_to_the_server(use: Use) -> None:
    scripted = use(DONE)
    event = s3_event("scans", "in/a+b.png")
    assert function.handler(event, Context()) == {"status": "success"}
    (request,) = scripted.requests
    assert told(request) == event


def test_an_event_of_eventbridge_or_a_queue_is_given_to_the_server(use: Use) -> None:
    events: list[Event] = [
        {"source": "aws.s3", "detail-type": "Object Created", "detail": {}},
        {"Records": [{"eventSource": "aws:sqs", "body": json.dumps(s3_event("scans", "a"))}]},
    ]
    scripted = use(DONE, DONE)
    for event in events:
        function.handler(event, Context())
    assert [told(request) for request in scripted.requests] == events


def test_an_event_of_oss_becomes_one_of_s3(use: Use) -> None:
    scripted = use(DONE)
    function.handler(oss_event("scans", "in/书 a+b.png"), Context())
    (record,) = told(scripted.requests[0])["Records"]
    assert record["eventName"].startswith("ObjectCreated:")
    assert record["s3"]["bucket"] == {"name": "scans"}
    assert record["s3"]["object"]["key"] == "in/%E4%B9%A6%20a%2Bb.png"
    assert record["s3"]["object"]["size"] == 1024


def test_the_handler_waits_until_all_objects_are_read(use: Use) -> None:
    scripted = use(PENDING, PENDING, DONE)
    assert function.handler(s3_event("scans", "a"), Context(900)) == {"status": "success"}
    assert {request.target for request in scripted.requests} == {"/events/s3?wait=60.0"}


def test_objects_that_are_not_read_in_time_are_sent_again_by_the_platform(use: Use) -> None:
    scripted = use(PENDING)
    with pytest.raises(function.Failed, match="answered 202"):
        function.handler(s3_event("scans", "a"), Context(1.2))
    assert scripted.requests[0].target == "/events/s3?wait=0.0"


def test_an_event_that_the_server_refuses_fails(use: Use) -> None:
    use(Answer(404, [], b'{"error": {"code": "not_found"}}'))
    with pytest.raises(function.Failed, match=r"answered 404: .*not_found"):
        function.handler(s3_event("scans", "a"), Context())


@pytest.mark.parametrize("event", [schedule_event(), timer_event()], ids=["AWS", "Alibaba Cloud"])
def test_a_schedule_runs_the_batch(
    event: Any, command: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(function.BATCH, "s3://scans/in/ --out 's3://scans/out a/'")
    assert function.handler(event, Context()) == {"status": "done"}
    assert command.read_text() == "-m server batch s3://scans/in/ --out s3://scans/out a/\n"


def test_a_batch_that_fails(command: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(function.BATCH, "s3://scans/in/ --out out")
    (command.parent / "then").write_text("exit 1\n")
    with pytest.raises(function.Failed, match="ended with status 1"):
        function.handler(schedule_event(), Context())


def test_a_batch_that_is_not_done_in_time_is_stopped(
    command: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped = command.parent / "stopped"
    monkeypatch.setenv(function.BATCH, "s3://scans/in/ --out out")
    then = f"trap 'touch {stopped}; exit 0' TERM\nwhile :; do sleep 0.05; done\n"
    (command.parent / "then").write_text(then)
    with pytest.raises(function.Failed, match="the next run does the rest"):
        function.handler(schedule_event(), Context(function.STOP_SECONDS + 1))
    assert stopped.exists()


def test_a_schedule_without_arguments_says_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(function.BATCH, raising=False)
    with pytest.raises(function.Failed, match="OCR_FUNCTION_BATCH"):
        function.handler(schedule_event(), Context())


class Invocations(Program, Client):
    """`python -m server.function`; its commands are run by a script that keeps the arguments."""

    def __enter__(self) -> Invocations:
        self.port = free_port()
        arguments = ["--address", "127.0.0.1", "--port", str(self.port), "--timeout", "60"]
        self.spawn([sys.executable, "-m", "server.function", *arguments], ROOT)
        wait_until(lambda: "for POST /invoke" in self.output, "a line")
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def invoke(self, body: bytes, path: str = "/invoke") -> Any:
        headers = {"Content-Type": "application/octet-stream", "x-fc-request-id": "id-1"}
        reply = self.request("POST", path, body, headers)
        return reply.status, reply.headers["x-fc-status"], reply.json


@pytest.mark.slow
def test_function_compute_invokes_the_container(tmp_path: Path) -> None:
    variables = {
        **os.environ,
        "TMPDIR": str(tmp_path),
        "OCR_OCR__PROCESS__NUMBER": "1",
        function.BATCH: "in/ --nonsense",
    }
    with Invocations(tmp_path, variables, detached=True) as program:
        status, failed, error = program.invoke(json.dumps(timer_event()).encode())
        assert (status, failed, error["errorType"]) == (500, "404", "Failed")
        assert "`ocr-server batch` ended with status 2" in error["errorMessage"]
        status, failed, error = program.invoke(b"no JSON")
        assert (status, failed, error["errorType"]) == (500, "404", "JSONDecodeError")
        assert program.invoke(b"{}", "/initialize")[:2] == (404, "404")
        assert "Traceback" in program.output
