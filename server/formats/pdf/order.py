"""What a process is to write; these cross the border between the two processes."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from multiprocessing import connection
from pathlib import Path
from typing import Any, Literal

from cache.stored_result import StoredResult
from server.formats.rendering import Order

PDF_TYPE = "application/pdf"


@dataclass(frozen=True, slots=True)
class PdfMode:
    """How the text and the file are written.

    pdfa: as PDF/A-2b. replace_text: remove the invisible text that a page already has, if it gets a
    new one. drop_score, order: which lines, see Rendering.
    """

    pdfa: bool = False
    replace_text: bool = True
    drop_score: float | None = None
    order: Order | None = None


@dataclass(frozen=True, slots=True)
class RecognizedPage:
    """The result of a page; number: of the page in the file, from 1.

    result: None if the page gets no text. A page of a PDF then stays as it is.
    """

    number: int
    result: StoredResult | None


Place = Path | Literal["channel", "descriptor"]


@dataclass(frozen=True, slots=True)
class PdfOrder:
    """The order for one file.

    source, target: `channel`: the bytes come or go through the channel; `descriptor`: an open file
    comes through it. is_pdf: whether the source is one, or an image. memory_mb: address space that
    the work may add. max_bytes: the largest file that may be written.
    """

    mode: PdfMode
    source: Place
    is_pdf: bool
    target: Place
    memory_mb: int
    max_bytes: int


@dataclass(frozen=True, slots=True)
class WrittenPdf:
    """What was written.

    data: the file, if it had no target. changes: what a PDF/A could not have, and so has lost or
    has in another form.
    """

    data: bytes = b""
    changes: tuple[str, ...] = ()


def run_writer(channel: connection.Connection, order: PdfOrder) -> None:
    """Entry point of the child, the only process that imports pikepdf."""
    main: Any = importlib.import_module("server.formats.pdf.main")
    main.main(channel, order)
