"""`ocr-server models use NAME`: changes the default model set of a running server."""

from __future__ import annotations

import sys
import time
from typing import Any

from ocr_cli.running_server import NoServer, RequestRefused, RunningServer
from ocr_client.exit_status import ExitStatus
from server.settings.named_sets import default_set

START_SECONDS = 150.0  # longer than a worker may take to load its models
POLL_SECONDS = 0.3


def use_models(server: RunningServer, name: str, prog: str) -> int:
    """Have the server use a set, and wait until all workers do; returns the exit status."""
    try:
        answer = server.ask("POST", "/admin/models", {"use": name}, START_SECONDS)
        print(f"{name} is the default model set now")
        while answer["to_be_replaced"]:
            time.sleep(POLL_SECONDS)
            answer = server.ask("GET", "/admin/models")
    except RequestRefused as error:
        print(f"{prog}: {error}", file=sys.stderr)
        return ExitStatus.FAILED
    except NoServer as error:
        print(f"{prog}: {error}", file=sys.stderr)
        return ExitStatus.NOT_STARTED
    print("all workers have it")
    if default_set(server.settings).name != name:
        print(f"to keep it after a restart, set ocr.models to {name}", file=sys.stderr)
    return ExitStatus.OK


def loaded_sets(server: RunningServer) -> list[dict[str, Any]]:
    """The sets of the running server; empty without one, or without a key for it."""
    if not server.has_key:
        return []
    try:
        answer = server.ask("GET", "/admin/models", seconds=2.0)
    except (NoServer, RequestRefused):
        return []
    sets: list[dict[str, Any]] = answer["sets"]
    return sets
