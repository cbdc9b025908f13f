"""`ocr-server check-config`: check settings and models without starting the server."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from ocr_cli.config_argument import add_config_argument
from server.settings.check import check_config


def main(arguments: Sequence[str], prog: str) -> int:
    """Run the check; returns the exit status, 2 if something is wrong."""
    options = _parse(arguments, prog)
    return check_config(options.config, print_settings=options.print)


def _parse(arguments: Sequence[str], prog: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog=prog, description="Check settings, environment and models without starting."
    )
    add_config_argument(parser)
    parser.add_argument("--print", action="store_true", help="print all settings in effect")
    return parser.parse_args(arguments)
