"""The place of the kept results, from the environment."""

from __future__ import annotations

from pathlib import Path

from server.database.location import state_folder


def kept_results_folder() -> Path:
    """The folder of the result cache between two starts."""
    return state_folder() / "cache"
