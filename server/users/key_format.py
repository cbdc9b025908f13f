"""The form of keys: `ocr_ID_SECRETCRC`.

ID: 8 base62 characters, which name the key. SECRET: 32 random bytes as 43 base62 characters. CRC:
the CRC-32 of the rest, as 6 base62 characters, so that scanners for leaked secrets recognize
keys, and a mistyped key is refused without asking the database.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import string
import zlib

PREFIX = "ocr_"
SECRET_BYTES = 32
_BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase
_ID_LENGTH, _SECRET_LENGTH, _CRC_LENGTH = 8, 43, 6
_FORM = re.compile(r"ocr_([0-9A-Za-z]{8})_[0-9A-Za-z]{49}", re.ASCII)
ID_FORM = re.compile(r"[0-9A-Za-z]{8}", re.ASCII)


def new_id() -> str:
    """The id of a new key."""
    return "".join(secrets.choice(_BASE62) for _ in range(_ID_LENGTH))


def new_secret_key(key_id: str) -> str:
    """A key with this id and a new secret."""
    secret = _base62(int.from_bytes(secrets.token_bytes(SECRET_BYTES)), _SECRET_LENGTH)
    start = f"{PREFIX}{key_id}_{secret}"
    return start + _checksum(start)


def id_of(key: str) -> str | None:
    """The id in a key; None if it does not have the form of a key, or its checksum is wrong."""
    found = _FORM.fullmatch(key)
    if found is None or _checksum(key[:-_CRC_LENGTH]) != key[-_CRC_LENGTH:]:
        return None
    return found[1]


def digest_of(key: str) -> bytes:
    """The SHA-256 of a key. With 256 random bits in it, a slow hash would protect no better."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()


def _checksum(text: str) -> str:
    return _base62(zlib.crc32(text.encode()), _CRC_LENGTH)


def _base62(number: int, length: int) -> str:
    digits = []
    for _ in range(length):
        number, digit = divmod(number, 62)
        digits.append(_BASE62[digit])
    return "".join(reversed(digits))
