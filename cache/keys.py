"""Cache keys: a result depends on the image's bytes, the options and the models."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Digests:
    """MD5 and SHA-256 of an image's bytes, as lower-case hex.

    For a page of a document, which has no bytes before it is drawn, see page_digests().
    """

    md5: str
    sha256: str


def page_digests(document: Digests, page: str) -> Digests:
    """What identifies a page of a document; page: differs for all that is read differently.

    Its MD5 begins with that of the document and a slash, so that it is forgotten with it.
    """
    named = f"{document.sha256}/{page}".encode()
    return Digests(f"{document.md5}/{page}", hashlib.sha256(named).hexdigest())


class CacheKey(NamedTuple):
    """MD5 of the image, fingerprint of the options, fingerprint of engine and models.

    owner: the user who may find the result; empty if all users may.
    """

    md5: str
    options: str
    models: str
    owner: str = ""


class ImageHasher:
    """Computes both digests of bytes that arrive in chunks."""

    def __init__(self) -> None:
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._sha256 = hashlib.sha256()

    def update(self, block: bytes | memoryview) -> None:
        """Add the next chunk."""
        self._md5.update(block)
        self._sha256.update(block)

    def digests(self) -> Digests:
        """The digests of all chunks so far."""
        return Digests(self._md5.hexdigest(), self._sha256.hexdigest())


def digest(data: bytes) -> Digests:
    """Both digests of complete data."""
    hasher = ImageHasher()
    hasher.update(data)
    return hasher.digests()
