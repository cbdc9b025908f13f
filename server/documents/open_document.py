"""A document that is open, and which of its pages are wanted."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from cache.keys import Digests, page_digests
from ocr_engine.documents.document import DocumentFile
from ocr_engine.documents.kinds import Kind
from server.intake.request import DocumentChoices


@dataclass(frozen=True, slots=True)
class OpenDocument:
    """A document. size: in bytes. page_count: of the whole document. pages: those that are wanted.

    Its file stays open as long as somebody has this object. changed_at: as in SourceFile.
    """

    file: DocumentFile
    digests: Digests
    size: int
    page_count: int
    pages: Sequence[int]
    choices: DocumentChoices
    changed_at: int | None = None

    def has_changed(self) -> bool:
        """Whether somebody has written to its file since it was hashed."""
        now = os.fstat(self.file.descriptor).st_ctime_ns
        return self.changed_at is not None and now != self.changed_at

    @property
    def kind(self) -> Kind:
        """Which kind of document it is."""
        return self.file.kind

    def page_digests(self, page: int) -> Digests:
        """What identifies a page as it is wanted."""
        choices = self.choices
        if self.kind != "pdf":
            return page_digests(self.digests, str(page))
        name = f"{page}-{choices.dpi}"
        if choices.text_layer != "ocr":
            name += f"-{choices.text_layer}"
        return page_digests(self.digests, name)
