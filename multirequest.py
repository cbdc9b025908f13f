#!/usr/bin/env python3
"""Load test of the OCR server; see `python multirequest.py --help`."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from ocr_client.closed_pipe import run_into_pipe
from ocr_client.interpreter import wrong_interpreter


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the load test, or say which Python to use."""
    problem = wrong_interpreter(["multirequest.py", *sys.argv[1:]])
    if problem is not None:
        print(f"multirequest: {problem}", file=sys.stderr)
        return 2
    from load_test.main import main as load_test

    return run_into_pipe(lambda: load_test(arguments))


if __name__ == "__main__":
    sys.exit(main())
