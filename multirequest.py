#!/usr/bin/env python3
"""Load test of the OCR server; see `python multirequest.py --help`."""

from __future__ import annotations

import sys

from load_test.main import main

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(main())
