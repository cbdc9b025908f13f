"""The user's cache folder, for files that this program can regenerate."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

NAME = "concurrent-ocr-server"


def user_cache() -> Path | None:
    """The folder shared by all programs: $XDG_CACHE_HOME or ~/.cache; None without a home."""
    if given := os.environ.get("XDG_CACHE_HOME"):
        return Path(given)
    with contextlib.suppress(RuntimeError):
        return Path.home() / ".cache"
    return None
