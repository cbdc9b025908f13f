"""Documents that clients look at: kept for a while, so that each is sent once."""

from __future__ import annotations

import asyncio
import os
import secrets
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cache.keys import Digests
from ocr_engine.documents.kinds import START_BYTES
from server.errors import BodyTooLarge, NotFound
from server.intake.request import ImageBytes, SourceFile
from server.principal import Scope

if TYPE_CHECKING:
    from server.documents.open_document import OpenDocument

NONE_LEFT = "no document is kept with this id: it was not used for some time; send it again"


@dataclass(slots=True)
class KeptDocument:
    """A document with the id that its user has got. used_at: by the clock of the store."""

    id: str
    user: str
    document: OpenDocument
    used_at: float


class KeptDocuments:
    """The documents that are kept, the least recently used first. Used on one event loop.

    max_bytes: of all documents. keep_seconds: after the last use. forget: releases a document.
    clock: seconds.
    """

    def __init__(
        self,
        max_bytes: int,
        keep_seconds: float,
        forget: Callable[[OpenDocument], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.keep_seconds = keep_seconds
        self._max_bytes = max_bytes
        self._forget = forget
        self._clock = clock
        self._kept: dict[str, KeptDocument] = {}
        self._expiring: asyncio.TimerHandle | None = None

    def add(self, document: OpenDocument, user: str) -> KeptDocument:
        """Keep a document; those of the user who has most give way. BodyTooLarge if none fits."""
        if document.size > self._max_bytes:
            raise BodyTooLarge(
                f"the document has {document.size} bytes; documents of at most {self._max_bytes} "
                "bytes are kept"
            )
        kept = KeptDocument(secrets.token_urlsafe(16), user, document, self._clock())
        self._kept[kept.id] = kept
        while self._total() > self._max_bytes:
            self._drop(self._least_needed(kept))
        self._expire_later()
        return kept

    def find(self, id: str, user: str) -> KeptDocument:
        """The document, which is used now; NotFound if it is not kept for this user."""
        self.expire()
        kept = self._kept.get(id)
        if kept is None or kept.user != user:
            raise NotFound(NONE_LEFT)
        kept.used_at = self._clock()
        self._kept[id] = self._kept.pop(id)
        return kept

    def remove(self, id: str, user: str) -> None:
        """Drop the document; NotFound."""
        self._drop(self.find(id, user))

    def erase(self, user: str, md5: str | None = None) -> bool:
        """Drop the documents of a user, or those with this MD5. False if there is none."""
        found = [
            kept
            for kept in self._kept.values()
            if kept.user == user and md5 in (None, kept.document.digests.md5)
        ]
        for kept in found:
            self._drop(kept)
        return bool(found)

    def expire(self) -> None:
        """Drop what was not used for too long."""
        oldest = self._clock() - self.keep_seconds
        for kept in [each for each in self._kept.values() if each.used_at <= oldest]:
            self._drop(kept)

    def clear(self) -> None:
        """Drop all."""
        for kept in list(self._kept.values()):
            self._drop(kept)
        if self._expiring is not None:
            self._expiring.cancel()

    def _drop(self, kept: KeptDocument) -> None:
        del self._kept[kept.id]
        self._forget(kept.document)

    def _total(self) -> int:
        return sum(each.document.size for each in self._kept.values())

    def _least_needed(self, newest: KeptDocument) -> KeptDocument:
        """The least recently used document of the user with the most bytes, but not the newest."""
        sizes: Counter[str] = Counter()
        for each in self._kept.values():
            sizes[each.user] += each.document.size
        others = [each for each in self._kept.values() if each is not newest]
        return max(others, key=lambda each: sizes[each.user])  # the first one of equals

    def _expire_later(self) -> None:
        """Expire when the oldest document is due."""
        if self._expiring is not None:
            self._expiring.cancel()
        if self._kept:
            due = min(each.used_at for each in self._kept.values()) + self.keep_seconds
            loop = asyncio.get_running_loop()
            self._expiring = loop.call_later(max(1.0, due - self._clock()), self._expire_due)

    def _expire_due(self) -> None:
        self.expire()
        self._expire_later()


class KeptSource:
    """A kept document as the source of a request; see ImageSource and FileSource."""

    scope: Scope = "read"

    def __init__(self, document: OpenDocument) -> None:
        self._document = document

    async def open(self) -> None:
        """See ImageSource."""

    def known_digests(self, owner: str) -> Digests | None:
        """See ImageSource."""
        return self._document.digests

    def bytes_to_read(self) -> int:
        """See ImageSource."""
        return self._document.size

    async def read(self, owner: str) -> ImageBytes:
        """See ImageSource."""
        return ImageBytes(await self._bytes(self._document.size), self._document.digests)

    def close(self) -> None:
        """See ImageSource."""

    async def start(self) -> bytes:
        """See FileSource."""
        return await self._bytes(START_BYTES)

    async def as_file(self, owner: str) -> SourceFile:
        """See FileSource."""
        document = self._document
        descriptor = os.dup(document.file.descriptor)
        return SourceFile(descriptor, document.size, document.digests, document.changed_at)

    async def _bytes(self, size: int) -> bytes:
        return await asyncio.to_thread(os.pread, self._document.file.descriptor, size, 0)
