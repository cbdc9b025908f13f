"""Returns the memory of past images to the system, and knows when there was too little."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING

from ocr_engine.errors import ModelError
from ocr_engine.memory import return_free_memory, rss_mb

if TYPE_CHECKING:
    from ocr_engine.recognizer import KeepsMemory

log = logging.getLogger(__name__)

# The wording of OpenVINO, ONNX Runtime, Paddle, oneDNN and OpenCV.
_OUT_OF_MEMORY = re.compile(
    r"bad_alloc|fail(ed)? to alloc|can't alloc\b|could not allocate memory|insufficient memory"
    "|could not create a (primitive|memory)",
    re.IGNORECASE,
)


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


def is_out_of_memory(error: Exception) -> bool:
    """Whether an error of this process or of a native library means that."""
    return isinstance(error, MemoryError) or bool(_OUT_OF_MEMORY.search(str(error)))
