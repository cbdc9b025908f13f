"""The argument --config, which most commands have."""

from __future__ import annotations

import argparse
from pathlib import Path

from server.settings.loading import default_config


def add_config_argument(parser: argparse.ArgumentParser) -> None:
    """Add --config."""
    parser.add_argument(
        "--config",
        type=Path,
        default=default_config(),
        help="settings file; default: config.json next to setup.py, or built-in defaults",
    )
