"""schemathesis against the server with its real models, longer and with new data each time.

make api ARGS="--seed 7 --seconds 600"
"""

from __future__ import annotations

import argparse
import secrets
import sys
import tempfile
from pathlib import Path

from tests.api_description.program import run_schemathesis
from tests.support.checkout import ROOT
from tests.support.live_server import ADMIN_KEY
from tests.support.server_process import ServerProcess


def main() -> int:
    """The exit status of schemathesis, whose report is printed."""
    parser = argparse.ArgumentParser(prog="make api", description=__doc__)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6), help="as printed")
    parser.add_argument("--seconds", type=int, default=240, help="at most (default %(default)s)")
    options = parser.parse_args()
    settings = {
        "web_server": {"filename_roots": [str(ROOT / "imgs")]},
        "access": {"admin_key": ADMIN_KEY},
    }
    print(f"seed {options.seed}, up to {options.seconds} s", flush=True)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        with ServerProcess(folder, settings) as server:
            found = run_schemathesis(
                server,
                folder,
                *("--seed", str(options.seed), "--max-time", str(options.seconds)),
                *("--max-examples", "200", "--generation-unique-inputs"),
            )
    print(found.stdout + found.stderr)
    return found.returncode


if __name__ == "__main__":
    sys.exit(main())
