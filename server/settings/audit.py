"""The place of the audit log, from the settings and the environment."""

from __future__ import annotations

from pathlib import Path

from server.database.location import state_folder
from server.settings.settings import Settings

FILE_NAME = "audit.jsonl"
STDOUT = Path("-")


def audit_path(settings: Settings) -> Path:
    """The file of the audit log, or STDOUT."""
    path = settings.audit.path
    if path is None:
        return state_folder() / FILE_NAME
    return path if path == STDOUT else settings.resolve(path)
