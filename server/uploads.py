"""From what a client sends to a picture's bytes and digests; checks before decoding."""

from __future__ import annotations

import asyncio
import base64
import binascii
import re

from cache.keys import Digests, digest
from ocr_engine.images.header import check_size, read_header
from server.body import INLINE_BYTES, Upload
from server.errors import BadField, BodyTooLarge, MissingFile

INLINE_HASH_BYTES = 256 << 10

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


async def hash_picture(data: bytes) -> Digests:
    """Both digests; in a thread if there is much to hash."""
    if len(data) <= INLINE_HASH_BYTES:
        return digest(data)
    return await asyncio.to_thread(digest, data)


def check_picture(data: bytes, max_pixels: int) -> None:
    """Format and size by the header alone: UnsupportedFormat, InvalidImage or TooManyPixels."""
    check_size(read_header(data), max_pixels)
