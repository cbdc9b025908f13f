"""The time of a start: seconds from exec to /readyz, and until all workers are ready.

    python benchmarks/cold_start.py [--starts 6] [--workers 2]

The files are in the system's cache, as in all starts after the first one since boot. The first
start of a run has no compiled models (docs/decisions/0023) and writes them; the list includes it.
Writes results/cold_start.json. Nothing else may run on the machine.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile

from machine import write_results
from server_under_test import Verdict, serving
from throughput import settings

MAX_SECONDS = 2.5


def main() -> int:
    """Start and stop the server; print all starts, the first, the medians and the longest."""
    arguments = parse(__doc__)
    ready, whole = [], []
    with tempfile.TemporaryDirectory(prefix="ocr-cache-") as cache:
        os.environ["XDG_CACHE_HOME"] = cache
        for _ in range(arguments.starts):
            with serving(settings("openvino", arguments.workers)) as server:
                ready.append(server.seconds_to_ready)
                whole.append(server.seconds_to_whole)
            print(f"ready after {ready[-1]:.2f} s, whole after {whole[-1]:.2f} s", flush=True)
    verdict = Verdict()
    for name, seconds in (("/readyz", ready), (f"{arguments.workers} workers warm", whole)):
        first, *later = seconds
        text = f"first {first:.2f} s, then median {statistics.median(later):.2f} s"
        verdict.row(name, f"{text}, longest {max(later):.2f} s")
    verdict.row("target", f"{MAX_SECONDS} s, each start", max(ready) <= MAX_SECONDS)
    write_results(
        "cold_start",
        {"workers": arguments.workers, "seconds_to_ready": ready, "seconds_to_whole": whole},
    )
    return verdict.print()


def parse(description: str | None) -> argparse.Namespace:
    """The arguments: starts (at least 2) and workers. description: the first line is shown."""
    parser = argparse.ArgumentParser(description=(description or "").partition("\n")[0])
    parser.add_argument("--starts", type=int, default=6)
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    if arguments.starts < 2:
        parser.error("--starts: the first start is told apart from later ones, so at least 2")
    return arguments


if __name__ == "__main__":
    sys.exit(main())
