"""Rows 31, 34 and 35: requests that are empty, too large or not HTTP."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Sequence
from urllib.parse import urlencode

import pytest

from tests.support.cards import card
from tests.support.error_replies import assert_error
from tests.support.http_client import Part, Reply, image_part, multipart
from tests.support.memory_peaks import forget_peak, peak_mb
from tests.support.raw_sockets import BLOCK, connect, received, send_blocks
from tests.support.server_process import ServerProcess

LIMIT = 10 << 20
DOCUMENT_LIMIT = 256 << 20  # documents.max_body_mb
MEMORY_MB = 30
HUGE = "x" * (2 << 20)
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
MULTIPART = "Content-Type: multipart/form-data; boundary=b"
PART_HEAD = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n'

Fields = Sequence[tuple[str, str]]
CARD = image_part(card("fine"))
IMAGE_FIELD = ("image", "aGk=")


def assert_names(reply: Reply, pattern: str) -> None:
    """Check that the message names the field and the problem."""
    assert re.search(pattern, reply.json["error"]["message"])


@pytest.mark.faults(31)
@pytest.mark.parametrize(
    ("parts", "code", "named"),
    [
        ([], "missing_file", "`file`"),
        ([Part("block_flag", b"True")], "missing_file", "`file`"),
        ([Part("file_type", b"file")], "missing_file", "`file`"),
        ([Part("file_type", b"base64")], "missing_file", "`image`"),
        ([Part("file_type", b"filename")], "missing_file", "`filename`"),
        ([image_part(b"")], "missing_file", "`file`"),
        ([Part("image", b"")], "missing_file", "`image`"),
        ([Part("filename", b"")], "missing_file", "`filename`"),
        ([CARD, CARD], "one_file_only", "`file`"),
        ([CARD, Part("image", b"aGk=")], "one_file_only", "file_type"),
        ([CARD, Part("filename", b"a.png")], "one_file_only", "file_type"),
        ([CARD, Part("file_type", b"link")], "bad_field", "file_type"),
        ([CARD, Part("file_type", b"url")], "missing_file", "`image_url`"),
        ([Part("image_url", b"https://example.com/a.png")], "bad_field", "image_url"),
        ([CARD, Part("file_type", b" ")], "bad_field", "file_type"),
        ([CARD, Part("block_flag", b"maybe")], "bad_field", "block_flag"),
        ([CARD, Part("block_flag", b" ")], "bad_field", "block_flag"),
        (
            [CARD, *[Part("format", b"json")] * 2],
            "bad_field",
            "format.* is given more than once",
        ),
        (
            [CARD, *[Part("file_type", b"file")] * 2],
            "bad_field",
            "file_type.* is given more than once",
        ),
        ([CARD, Part("format", HUGE.encode())], "bad_field", "format.* is longer than 4096"),
        ([CARD, Part("z" * 500, b"1")], "bad_field", "zzz"),
        ([Part("image", b"x", "a.png")], "bad_field", "image"),
    ],
    ids=lambda value: "-".join(part.name[:9] for part in value) if isinstance(value, list) else "",
)
def test_fields_of_a_form(fakes: ServerProcess, parts: list[Part], code: str, named: str) -> None:
    body, headers = multipart(parts)
    reply = fakes.request("POST", "/ocr_service", body, headers)
    assert_error(reply, 400, code)
    assert_names(reply, named)
    assert len(reply.body) < 1000


@pytest.mark.faults(31)
@pytest.mark.parametrize(
    ("fields", "code", "named"),
    [
        ([], "missing_file", "`file`"),
        ([("image", "")], "missing_file", "`image`"),
        ([IMAGE_FIELD, ("file_type", "link")], "bad_field", "file_type"),
        ([IMAGE_FIELD, ("file_type", "url")], "missing_file", "`image_url`"),
        ([IMAGE_FIELD, ("block_flag", "maybe")], "bad_field", "block_flag"),
        ([("format", HUGE)], "bad_field", "format.* is longer than 4096"),
    ],
)
def test_fields_in_json_and_urlencoded(
    fakes: ServerProcess, fields: Fields, code: str, named: str
) -> None:
    form = urlencode(fields).encode()
    for reply in (
        fakes.request("POST", "/ocr_service", form, FORM),
        fakes.post_json(dict(fields)),
    ):
        assert_error(reply, 400, code)
        assert_names(reply, named)


@pytest.mark.faults(31)
def test_a_field_given_twice_in_json_and_urlencoded(fakes: ServerProcess) -> None:
    form = urlencode([IMAGE_FIELD, IMAGE_FIELD]).encode()
    twice = b'{"image": "aGk=", "image": "aGk="}'
    for reply in (fakes.request("POST", "/ocr_service", form, FORM), fakes.post_json(twice)):
        assert_error(reply, 400, "bad_field")
        assert_names(reply, "image.* is given more than once")


def assert_too_large(answer: bytes, limit: int = LIMIT) -> None:
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b'"code":"body_too_large"' in answer
    assert str(limit).encode() in answer
    assert b"Content-Type: application/json; charset=utf-8" in answer
    assert b"Connection: close" in answer


@pytest.mark.faults(34)
@pytest.mark.parametrize(
    ("content_type", "limit"),
    [(MULTIPART, DOCUMENT_LIMIT), ("Content-Type: application/json", LIMIT)],
)
def test_a_length_over_the_limit_is_refused_before_the_body(
    fakes: ServerProcess, content_type: str, limit: int
) -> None:
    """A form may have a document, which may be larger than an image."""
    with connect(fakes.port) as connection:
        head = f"POST /ocr_service HTTP/1.1\r\nHost: localhost\r\nContent-Length: {limit + 1}\r\n"
        connection.sendall(f"{head}{content_type}\r\n\r\n".encode())
        assert_too_large(received(connection), limit)


@pytest.mark.faults(34)
@pytest.mark.parametrize("kind", ["multipart", "json", "raw"])
@pytest.mark.parametrize("chunked", [False, True], ids=["with-length", "without-length"])
def test_11_mb_are_answered_to_a_client_that_sends_all_before_it_reads(
    fakes: ServerProcess, kind: str, chunked: bool
) -> None:
    """The answer must not be lost in a reset."""
    path, content_type = {
        "multipart": ("/ocr_service", MULTIPART),
        "json": ("/ocr_service", "Content-Type: application/json"),
        "raw": ("/ocr", "Content-Type: image/png"),
    }[kind]
    length = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {11 << 20}"
    forget_peak(fakes.pid)
    before = peak_mb(fakes.pid)
    with connect(fakes.port) as connection:
        head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\n{length}\r\n{content_type}\r\n\r\n"
        connection.sendall(head.encode())
        if kind == "multipart":
            start = PART_HEAD + BLOCK[len(PART_HEAD) :]
            connection.sendall(b"10000\r\n%b\r\n" % start if chunked else start)
        send_blocks(connection, 11 << 20, chunked)
        if chunked:
            connection.sendall(b"0\r\n\r\n")
        assert_too_large(received(connection))
    assert peak_mb(fakes.pid) - before < MEMORY_MB


@pytest.mark.faults(34)
def test_a_body_without_end_costs_no_memory(fakes: ServerProcess) -> None:
    forget_peak(fakes.pid)
    before = peak_mb(fakes.pid)
    for path in ("/ocr", "/ocr_service", "/nowhere", "/livez"):
        with connect(fakes.port) as connection:
            head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n"
            kind = "image/png" if path == "/ocr" else "application/json"
            connection.sendall(f"{head}Content-Type: {kind}\r\n\r\n".encode())
            send_blocks(connection, 60 << 20, chunked=True)
    assert peak_mb(fakes.pid) - before < MEMORY_MB


@pytest.mark.faults(34)
def test_bodies_up_to_the_limit_are_taken(fakes: ServerProcess) -> None:
    body, headers = multipart([image_part(card("padded").ljust(LIMIT - 200, b"\0"))])
    assert LIMIT - 200 < len(body) <= LIMIT
    reply = fakes.request("POST", "/ocr_service", body, headers)
    assert (reply.status, reply.text) == (200, "padded")


POST = b"POST /ocr HTTP/1.1\r\nHost: localhost\r\n"
GET = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n"
NO_REQUESTS = {
    "10 MB header": b"GET /livez HTTP/1.1\r\nHost: localhost\r\nX: "
    + b"x" * (10 << 20)
    + b"\r\n\r\n",
    "10 MB of headers": b"GET /livez HTTP/1.1\r\nHost: localhost\r\n"
    + b"X: y\r\n" * 1_700_000
    + b"\r\n",
    "10 MB path": b"GET /" + b"x" * (10 << 20) + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "negative length": POST + b"Content-Length: -1\r\n\r\n",
    "length in words": POST + b"Content-Length: ten\r\n\r\n",
    "length with a sign": POST + b"Content-Length: +3\r\n\r\nabc",
    "two lengths": POST + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
    "CL+TE": POST + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "TE+CL": POST + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
    "unknown coding": POST + b"Transfer-Encoding: gzip, identity\r\n\r\nabc",
    "broken chunk": POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n\r\n",
    "no Host": b"GET /livez HTTP/1.1\r\n\r\n",
    "two Hosts": b"GET /livez HTTP/1.1\r\nHost: localhost\r\nHost: localhost:1\r\n\r\n",
    "header without colon": b"GET /livez HTTP/1.1\r\nHost: localhost\r\nnonsense\r\n\r\n",
    "NUL in a header": b"GET /livez HTTP/1.1\r\nHost: localhost\r\nX: a\0b\r\n\r\n",
    "nonsense": b"nonsense\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
}


@pytest.mark.faults(35)
@pytest.mark.parametrize("name", NO_REQUESTS)
def test_what_is_no_request_is_refused_or_closed(fakes: ServerProcess, name: str) -> None:
    forget_peak(fakes.pid)
    before = peak_mb(fakes.pid)
    with connect(fakes.port) as connection:
        with contextlib.suppress(ConnectionError):
            connection.sendall(NO_REQUESTS[name])
        answer = received(connection)
    assert answer == b"" or re.match(rb"HTTP/1.1 (400|431) ", answer), answer[:100]
    assert answer.count(b"HTTP/1.1 ") <= 1  # trailing bytes are not parsed as another request
    assert peak_mb(fakes.pid) - before < MEMORY_MB
    assert fakes.get("/livez").status == 200


@pytest.mark.faults(35)
@pytest.mark.parametrize("path", ["/ocr_service", "/ocr"])
def test_101_parts(fakes: ServerProcess, path: str) -> None:
    body, headers = multipart([*[Part(f"field{n}", b"x") for n in range(100)], CARD])
    assert_error(fakes.request("POST", path, body, headers), 400, "bad_request", "32 parts")


@pytest.mark.faults(35)
@pytest.mark.parametrize("left_out", [4, 10, 60])
def test_a_body_without_its_final_boundary(fakes: ServerProcess, left_out: int) -> None:
    body, headers = multipart([CARD])
    reply = fakes.request("POST", "/ocr_service", body[:-left_out], headers)
    assert_error(reply, 400, "bad_request", "final boundary")
