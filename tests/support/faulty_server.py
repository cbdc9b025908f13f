"""Servers for fault tests: small, with short timeouts; see invariant.py for the invariant."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from server.app import PATIENCE_SECONDS
from tests.support.server_process import ServerProcess

NUMBER = 2
QUEUE_SIZE = 20
TASK_SECONDS = 2.0

Serve = Callable[..., ServerProcess]


def fault_settings(
    folder: Path,
    web_server: dict[str, Any] | None = None,
    limits: dict[str, Any] | None = None,
    **process: Any,
) -> dict[str, Any]:
    """Settings of a small server with short timeouts; its root folder is `folder`/images."""
    return {
        "web_server": {"filename_roots": [str(folder / "images")], **(web_server or {})},
        "limits": limits or {},
        "ocr": {
            "process": {
                "number": NUMBER,
                "queue_size": QUEUE_SIZE,
                "timeout_seconds": TASK_SECONDS,
                **process,
            }
        },
    }


def prepare(
    folder: Path,
    fakes: bool,
    load: str = "load_obedient",
    prefix: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
    patience: float = PATIENCE_SECONDS,
    **settings: Any,
) -> ServerProcess:
    """Create a server with its own folders, without starting it; settings: see fault_settings.

    patience: see ServerProcess.
    """
    (folder / "images").mkdir()
    temporary = folder / "temporary"
    temporary.mkdir()
    surroundings = {"TMPDIR": str(temporary), **(environment or {})}
    values = fault_settings(folder, **settings)
    return ServerProcess(folder, values, fakes, surroundings, load, prefix, patience)
