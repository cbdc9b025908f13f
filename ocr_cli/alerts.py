"""`ocr-server alerts test`: post a test to the operator's webhook."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence

from ocr_cli.config_argument import add_config_argument
from ocr_client.exit_status import ExitStatus
from server.alerts.post import check_url, post_alert
from server.alerts.watch import new_alert
from server.outbound.http_exchange import ExchangeError
from server.settings.loading import SettingsError, load_settings


def main(arguments: Sequence[str] | None = None, prog: str = "ocr-server alerts") -> int:
    """Run the subcommand; returns the exit status, 1 if the receiver did not accept the test."""
    options = _parse(arguments, prog)
    try:
        settings = load_settings(options.config).alerts
        check_url(settings)
        if settings.webhook is None:
            raise SettingsError("alerts.webhook is not set, so there are no alerts")
    except SettingsError as error:
        print(f"{prog}: {error}", file=sys.stderr)
        return ExitStatus.NOT_STARTED
    try:
        asyncio.run(post_alert(settings, new_alert("test", "test", "a test of alerts")))
    except ExchangeError as error:
        print(f"{prog}: not posted: {error}", file=sys.stderr)
        return ExitStatus.FAILED
    print(f"posted a test in the format {settings.format}")
    return ExitStatus.OK


def _parse(arguments: Sequence[str] | None, prog: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog=prog, description="Alerts to the operator, by the settings alerts.*."
    )
    parser.add_argument("action", choices=("test",), help="test: post one alert now")
    add_config_argument(parser)
    return parser.parse_args(arguments)
