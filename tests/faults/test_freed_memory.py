"""Row 61: the memory of large uploads after they have gone."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from tests.support.raw_sockets import connect
from tests.support.server_process import ServerProcess
from tests.support.watching import rss_mb, wait_until

UPLOADS = 24
UPLOAD_BYTES = 9 << 20
MOST_LEFT_MB = 40
HEAD = (
    f"POST /ocr HTTP/1.1\r\nHost: localhost\r\nContent-Length: {UPLOAD_BYTES + 1}\r\n"
    "Content-Type: image/png\r\n\r\n"
).encode()


@pytest.mark.faults(61)
def test_the_memory_of_uploads_is_returned_when_they_have_gone(fakes: ServerProcess) -> None:
    before = rss_mb(fakes.pid)
    image = bytes(UPLOAD_BYTES)
    with ExitStack() as stack:
        for _ in range(UPLOADS):
            stack.enter_context(connect(fakes.port)).sendall(HEAD + image)
        in_flight = UPLOADS * UPLOAD_BYTES
        wait_until(lambda: fakes.health()["requests"]["bytes"] >= in_flight, "all uploads")
        held = rss_mb(fakes.pid)
    assert held - before > MOST_LEFT_MB
    wait_until(lambda: fakes.health()["requests"]["bytes"] == 0, "their end")
    wait_until(lambda: rss_mb(fakes.pid) - before < MOST_LEFT_MB, "the memory back")
