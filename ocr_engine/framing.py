"""The frames in which processes talk to each other: plain data, never pickle.

A frame is the length of its header (4 bytes, big-endian), the header as JSON, then the body: bytes
that would cost memory and time in JSON.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from typing import Any

_LENGTH = struct.Struct(">I")


class ProtocolError(Exception):
    """A malformed frame."""


def encode_frame(head: Mapping[str, Any], *body: bytes) -> bytes:
    """Encode a header and a body, which may be given in parts."""
    encoded = json.dumps(head, ensure_ascii=False, separators=(",", ":")).encode()
    return b"".join((_LENGTH.pack(len(encoded)), encoded, *body))


def decode_frame(data: bytes) -> tuple[dict[str, Any], bytes]:
    """The header and the body of a frame; ProtocolError if it is malformed."""
    try:
        (length,) = _LENGTH.unpack_from(data)
        end = _LENGTH.size + length
        if end > len(data):
            raise ProtocolError("the frame is shorter than its header")
        head = json.loads(data[_LENGTH.size : end])
    except (struct.error, ValueError, RecursionError) as error:
        raise ProtocolError(f"not a frame: {error}") from None
    if not isinstance(head, dict):
        raise ProtocolError("the header is not an object")
    return head, data[end:]
