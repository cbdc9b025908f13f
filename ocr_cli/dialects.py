"""`ocr-server dialects`: the APIs of other servers that these settings switch on."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from ocr_cli.config_argument import add_config_argument
from ocr_client.exit_status import ExitStatus
from server.settings.dialect_row import DialectRow
from server.settings.dialects import DIALECTS
from server.settings.loading import SettingsError, load_settings
from server.settings.settings import Settings

_HOSTS = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}


def main(arguments: Sequence[str] | None = None, prog: str = "ocr-server dialects") -> int:
    """Print them; returns the exit status."""
    options = _parse(arguments, prog)
    try:
        settings = load_settings(options.config)
    except SettingsError as error:
        print(f"{prog}: {error}", file=sys.stderr)
        return ExitStatus.NOT_STARTED
    chosen = settings.web_server.dialects
    for row in DIALECTS:
        if options.all or row.name in chosen:
            print(_shown(row, row.name in chosen, settings))
    if not chosen and not options.all:
        names = ", ".join(row.name for row in DIALECTS)
        print(f'web_server.dialects is empty; it may have these names, or ["all"]: {names}')
    return ExitStatus.OK


def _shown(row: DialectRow, is_on: bool, settings: Settings) -> str:
    lines = [
        f"{row.name}: {row.server}{'' if is_on else ' (off)'}",
        *(f"  {address}" for address in row.addresses),
        f"  key: {row.key}",
        f"  {_command(row, settings)}",
        "",
    ]
    return "\n".join(lines)


def _command(row: DialectRow, settings: Settings) -> str:
    """The example, for the server of these settings."""
    web = settings.web_server
    if web.unix_socket is not None:
        path = settings.resolve(web.unix_socket)
        curl = row.curl.replace("curl ", f"curl --unix-socket {path} ")
        return curl.replace("SERVER", "http://localhost")
    host = _HOSTS.get(web.address, web.address)
    return row.curl.replace("SERVER", f"http://{host}:{web.port}")


def _parse(arguments: Sequence[str] | None, prog: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog=prog,
        description="The APIs of other OCR servers that web_server.dialects switches on: their "
        "paths, where the key is, and a command that sends an image.",
    )
    parser.add_argument("--all", action="store_true", help="also those that are off")
    add_config_argument(parser)
    return parser.parse_args(arguments)
