"""`ocr-server db`: show and upgrade the schema of the database."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from ocr_cli.config_argument import add_config_argument
from ocr_client.exit_status import ExitStatus
from server.database.storage import StorageError, check_folder, check_packages
from server.errors import StorageUnavailable
from server.settings.database import database_location
from server.settings.loading import SettingsError, load_settings


def main(arguments: Sequence[str] | None = None, prog: str = "ocr-server db") -> int:
    """Run the subcommand; returns the exit status."""
    options = _parse(arguments, prog)
    try:
        check_packages()
        location = database_location(load_settings(options.config))
        if location.file is not None:
            check_folder(location.file.parent)
        from server.database.schema import current_version, newest_version, upgrade

        before, newest = current_version(location), newest_version()
        if options.action == "upgrade" and before != newest:
            upgrade(location)
            print(f"{location.shown}: upgraded from {before or 'empty'} to {newest}")
        elif before == newest:
            print(f"{location.shown}: schema {newest}, up to date")
        else:
            print(f"{location.shown}: schema {before or 'empty'}; needed is {newest}")
    except (SettingsError, StorageError, StorageUnavailable) as error:
        print(f"{prog}: {error}", file=sys.stderr)
        return ExitStatus.NOT_STARTED
    return ExitStatus.OK


def _parse(arguments: Sequence[str] | None, prog: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog=prog, description="The database of keys, usage and jobs.")
    parser.add_argument(
        "action",
        choices=("upgrade", "show"),
        help="upgrade: bring the schema to this version of the server; show: print the version",
    )
    add_config_argument(parser)
    return parser.parse_args(arguments)
