"""`ocr-server bench`: the load test against a running server."""

from __future__ import annotations

from collections.abc import Sequence

from load_test.main import main as load_test


def main(arguments: Sequence[str], prog: str) -> int:
    """Run the load test of multirequest.py; returns the exit status."""
    return load_test(arguments, prog)
