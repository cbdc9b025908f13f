"""Gives the memory of past images back to the system."""

from __future__ import annotations

import contextlib
import ctypes
import logging
from typing import TYPE_CHECKING

from ocr_engine.errors import ModelError
from ocr_engine.memory import rss_mb

if TYPE_CHECKING:
    from ocr_engine.recognizer import Recognizer

log = logging.getLogger(__name__)


def trim_memory(recognizer: Recognizer, max_rss_mb: int) -> None:
    """Past images' memory; and what makes later ones faster, if that alone is too much."""
    release(recognizer)
    if rss_mb() > max_rss_mb:
        release(recognizer, shapes=True)


def release(recognizer: Recognizer, shapes: bool = False) -> None:
    """See Recognizer.release_memory; what it frees goes back to the system.

    A worker that cannot load a model again, as its file is gone, goes on with what it has.
    """
    try:
        recognizer.release_memory(shapes)
    except (ModelError, OSError) as error:
        log.warning("memory of past images stays: %s", error)
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
