"""A renderer's settings, and the entry point through which the parent starts it."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from multiprocessing import connection
from typing import Any


@dataclass(frozen=True, slots=True)
class RendererSpec:
    """A renderer's settings.

    page_seconds: how long it may take to open a document, or to draw a page.
    memory_mb: address space that this may add, 0: no limit.
    """

    page_seconds: float = 20.0
    memory_mb: int = 1024


def run_renderer(channel: connection.Connection, spec: RendererSpec) -> None:
    """Entry point of the child, the only process that imports the renderer's code."""
    main: Any = importlib.import_module("ocr_engine.documents.child")
    main.main(channel, spec)
