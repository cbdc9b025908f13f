"""A document as the parent has it: an open file, which renderers get by its descriptor."""

from __future__ import annotations

import itertools
import os

from ocr_engine.documents.kinds import Kind

_numbers = itertools.count(1)


class DocumentFile:
    """The descriptor belongs to this object, and is closed with it.

    number: differs for all documents of this process. password: empty if there is none.
    """

    def __init__(self, descriptor: int, kind: Kind, password: str = "") -> None:
        self.number = next(_numbers)
        self.descriptor = descriptor
        self.kind: Kind = kind
        self.password = password

    def __del__(self) -> None:
        os.close(self.descriptor)
