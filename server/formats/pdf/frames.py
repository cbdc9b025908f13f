"""The messages between the parent and the process that writes a PDF."""

from __future__ import annotations

import json
from multiprocessing import connection
from typing import Any

from cache.stored_result import StoredResult
from server.formats.json_text import dump
from server.formats.pdf.order import RecognizedPage
from server.formats.stored import LAYOUT_TYPE

MOST_REPLY_BYTES = 1 << 20
_END = b""


def send_page(channel: connection.Connection, page: RecognizedPage) -> None:
    """Send a page to the child: a line that says what follows, the JSON and the layout."""
    result = page.result
    if result is None:
        channel.send_bytes(dump({"number": page.number, "json": None}) + b"\n")
        return
    layout = result.artifacts.get(LAYOUT_TYPE)
    head = {"number": page.number, "json": len(result.json), "layout": layout is not None}
    channel.send_bytes(b"".join((dump(head), b"\n", result.json, layout or b"")))


def send_end(channel: connection.Connection) -> None:
    """Say that there are no more pages."""
    channel.send_bytes(_END)


def receive_page(channel: connection.Connection) -> RecognizedPage | None:
    """The next page; None if there are no more."""
    data = channel.recv_bytes()
    if data == _END:
        return None
    line, _, rest = data.partition(b"\n")
    head: dict[str, Any] = json.loads(line)
    end = head["json"]
    if end is None:
        return RecognizedPage(head["number"], None)
    artifacts = {LAYOUT_TYPE: rest[end:]} if head["layout"] else {}
    return RecognizedPage(head["number"], StoredResult(rest[:end], artifacts))


def receive_reply(channel: connection.Connection) -> dict[str, Any]:
    """A message of the child; ValueError if it is none."""
    reply = json.loads(channel.recv_bytes(MOST_REPLY_BYTES))
    if not isinstance(reply, dict):
        raise ValueError("the reply is no object")
    return reply
