"""Documents that were written in a format such as PDF, kept for those who ask for them again."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from cache.written_files import FileKey, WrittenFiles
from server.documents.open_document import OpenDocument
from server.formats.converting import ConvertedDocument
from server.formats.pages import PageResult
from server.intake.request import OcrRequest


class WrittenDocument:
    """One document as a request wants it: the file that there is, or the one that is written now.

    A file is found only if it was written from the same results. owner: as in CacheKey.
    """

    def __init__(
        self,
        files: WrittenFiles[ConvertedDocument],
        document: OpenDocument,
        request: OcrRequest,
        owner: str,
    ) -> None:
        asked = document.digests.sha256, document.kind, [*document.pages], request.rendering
        self._files = files
        self._key = FileKey(owner, document.digests.md5, _digest(repr(asked).encode()))
        self._may_be_kept = request.read_cache
        self._results = hashlib.sha256()  # of the pages that are being written

    @property
    def is_kept(self) -> bool:
        """Whether it is worth asking for the results of all pages."""
        return self._may_be_kept and self._key in self._files

    def find(self, pages: Iterable[PageResult]) -> ConvertedDocument | None:
        """The file that was written from these results, in this order."""
        results = hashlib.sha256()
        for page in pages:
            results.update(_noted(page))
        return self._files.get(self._key, results.hexdigest())

    def add(self, page: PageResult) -> None:
        """Note a page that is being written, in order."""
        self._results.update(_noted(page))

    def keep(self, made: ConvertedDocument) -> None:
        """Keep the file that was written, unless a page has failed: it is tried again."""
        if not made.failed:
            self._files.put(self._key, self._results.hexdigest(), made)


def _noted(page: PageResult) -> bytes:
    result = page.result
    parts = () if result is None else (result.json, *result.artifacts.values())
    return repr((page.page, [*map(_digest, parts)])).encode()


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
