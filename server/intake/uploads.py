"""Images that clients send as base64 text."""

from __future__ import annotations

import asyncio
import base64
import binascii
import re

from server.errors import BadField, BodyTooLarge, MissingFile
from server.intake.body import Upload
from server.intake.fields import INLINE_BYTES

_DATA_URI = re.compile(r"data:[^,]{0,200},", re.IGNORECASE)


async def from_base64(text: str, max_bytes: int) -> Upload:
    """Decode base64 (standard or URL-safe alphabet, line breaks allowed) off the loop."""
    if len(text) <= INLINE_BYTES:
        return decode_base64(text, max_bytes)
    return await asyncio.to_thread(decode_base64, text, max_bytes)


def decode_base64(text: str, max_bytes: int) -> Upload:
    """The picture in base64 text, with or without a data-URI prefix.

    A form that was not percent-encoded turns `+` into a blank; it is turned back.
    """
    prefix = _DATA_URI.match(text)
    payload = text[prefix.end() :] if prefix else text
    payload = payload.strip(" \r\n\t").replace("\r", "").replace("\n", "").replace(" ", "+")
    payload = payload.replace("-", "+").replace("_", "/").rstrip("=")
    try:
        data = base64.b64decode(payload + "=" * (-len(payload) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise BadField("image is not base64; send the picture's bytes in base64") from None
    if not data:
        raise MissingFile("the field `image` is empty; put the picture as base64 into it")
    if len(data) > max_bytes:
        raise BodyTooLarge(f"the picture has {len(data)} bytes; at most {max_bytes} are accepted")
    return Upload(data)
