"""Row 64: numbers that only Python accepts, lengths of thousands of digits, half-closed clients."""

from __future__ import annotations

import socket
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.cards import card
from tests.support.error_replies import assert_error
from tests.support.raw_sockets import connect, received
from tests.support.server_process import ServerProcess
from tests.support.watching import wait_until

NUMBERS = [
    "\u0661\u0660\u0660\u0660",  # Arabic digits
    "\uff11\uff10\uff10\uff10",  # full width
    *("1_000", " 1000", "1000\n", "inf", "0x10", "\u00b2"),
]

pytestmark = pytest.mark.faults(64)


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("name", ["timeout_ms", "det_limit_side_len"])
def test_a_number_that_only_python_accepts_is_refused(
    fakes: ServerProcess, name: str, number: str
) -> None:
    reply = fakes.upload(card("odd numbers"), **{name: number})
    assert_error(reply, 400, "bad_field", "expected an integer from")


@pytest.mark.parametrize("number", ["0.25", "+.25", "25e-2"])
def test_other_ways_to_write_a_number_are_accepted(fakes: ServerProcess, number: str) -> None:
    assert fakes.upload(card("odd numbers"), drop_score=number).status == 200


@pytest.mark.parametrize("digits", [16, 19, 5_000, 30_000])
@pytest.mark.parametrize("start", ["POST /ocr", "POST /batches", "GET /jobs", "DELETE /jobs/x"])
def test_a_length_of_many_digits_gets_one_answer_and_one_line(
    fakes: ServerProcess, start: str, digits: int
) -> None:
    request_id = f"{start.replace(' ', '')}-{digits}"
    before = len(fakes.output)
    head = f"{start} HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: {request_id}\r\n"
    with connect(fakes.port) as connection:
        connection.sendall(f"{head}Content-Length: {'9' * digits}\r\n\r\n".encode())
        answer = received(connection)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b'"code":"body_too_large"' in answer
    assert answer.count(b"HTTP/1.1") == 1
    wait_until(lambda: request_id in fakes.output, "the line of the request")
    (line,) = (line for line in fakes.output.splitlines() if request_id in line)
    assert f"{start} 413 " in line
    assert "9" * 16 not in fakes.output[before:]
    assert "Traceback" not in fakes.output[before:]


def test_a_client_that_shuts_down_its_side_has_left(fakes: ServerProcess, gate: Path) -> None:
    """TCP has no way to tell it from a client that closed the connection, see docs/api.md."""
    text = f"hold {gate}"
    with closing(fakes.send(card(text), {"X-Request-Id": "half-closed"})) as connection:
        wait_until(lambda: fakes.begun(text) == 1, "the recognition")
        connection.shutdown(socket.SHUT_WR)
        assert received(connection) == b""
    wait_until(lambda: "half-closed" in fakes.output, "the line of the request")
    (line,) = (line for line in fakes.output.splitlines() if line.endswith("half-closed"))
    assert " 499 " in line
    gate.unlink()
    assert fakes.upload(card(text)).text == text
