"""schemathesis against a running server, by the description that this server gives."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.api_description.closed_schemas import closed
from tests.support.checkout import ROOT
from tests.support.http_client import Client

FOLDER = Path(__file__).resolve().parent


def run_schemathesis(
    client: Client, folder: Path, *arguments: str
) -> subprocess.CompletedProcess[str]:
    """All checks, with good and bad requests; its output says what it found.

    The description is taken from the server and closed, so that an answer with a property that is
    not described is an error.
    """
    description = folder / "openapi.json"
    description.write_text(json.dumps(closed(client.get("/openapi.json").json)))
    given = os.environ.get("PYTHONPATH", "")
    return subprocess.run(
        [
            sys.executable,
            *("-m", "schemathesis.cli", "--config-file", str(FOLDER / "schemathesis.toml")),
            *("run", str(description), "--url", f"http://127.0.0.1:{client.port}"),
            *arguments,
        ],
        capture_output=True,
        text=True,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), given])},
        check=False,
    )
