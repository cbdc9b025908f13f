"""Returns the memory of past images to the system."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from ocr_engine.errors import ModelError
from ocr_engine.memory import return_free_memory, rss_mb

if TYPE_CHECKING:
    from ocr_engine.recognizer import KeepsMemory

log = logging.getLogger(__name__)


def trim_memory(recognizer: KeepsMemory, max_rss_mb: int) -> None:
    """Release activations; the compiled shapes, too, if RSS is still above max_rss_mb."""
    release(recognizer)
    if rss_mb() > max_rss_mb:
        release(recognizer, shapes=True)


def release(recognizer: KeepsMemory, shapes: bool = False) -> None:
    """Call KeepsMemory.release_memory, then return the freed memory to the system.

    If a model cannot be reloaded because its file is gone, the worker keeps the loaded one.
    """
    try:
        recognizer.release_memory(shapes)
    except (ModelError, OSError) as error:
        log.warning("memory of past images cannot be released: %s", error)
    return_free_memory()
