"""Where this program keeps what it can make anew: a folder of its name in the user's cache."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

NAME = "concurrent-ocr-server"


def user_cache() -> Path | None:
    """What all programs of this user share: $XDG_CACHE_HOME or ~/.cache; None without a home."""
    if given := os.environ.get("XDG_CACHE_HOME"):
        return Path(given)
    with contextlib.suppress(RuntimeError):
        return Path.home() / ".cache"
    return None
