"""`ocr-server webhooks`: list and resend messages, show and change the secret that signs them."""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ocr_cli.config_argument import add_config_argument
from ocr_client.exit_status import ExitStatus
from server.database.storage import Storage, StorageError
from server.errors import StorageUnavailable
from server.settings.database import database_location
from server.settings.loading import SettingsError, load_settings
from server.settings.url_settings import WebhookSettings

if TYPE_CHECKING:
    from server.database.database import Database

COLUMNS = "{:36}  {:9}  {:>8}  {:20}  {:20}  {}"


def main(arguments: Sequence[str] | None = None, prog: str = "ocr-server webhooks") -> int:
    """Run the subcommand; returns the exit status, 1 if there is no such message."""
    options = _parse(arguments, prog)
    try:
        settings = load_settings(options.config)
        storage = Storage(database_location(settings))
        return asyncio.run(_run(options, storage, settings.webhooks))
    except (SettingsError, StorageError, StorageUnavailable) as error:
        print(f"{prog}: {error}", file=sys.stderr)
        return ExitStatus.NOT_STARTED


async def _run(options: argparse.Namespace, storage: Storage, settings: WebhookSettings) -> int:
    database = await storage.open()
    try:
        if options.action == "list":
            return await _list(database, options.state, options.limit)
        if options.action == "resend":
            return await _resend(database, None if options.dead else options.id)
        return await _secret(database, settings, options.rotate)
    finally:
        await storage.close()


async def _list(database: Database, state: str | None, limit: int) -> int:
    from server.webhooks.deliveries import listed

    print(COLUMNS.format("ID", "STATE", "ATTEMPTS", "CREATED", "NEXT ATTEMPT", "HOST, LAST ERROR"))
    for row in await listed(database, state, limit):
        end = f"{row.host}, {row.last_error}" if row.last_error else row.host
        times = _time(row.created_at), _time(row.next_at)
        print(COLUMNS.format(row.id, row.state, row.attempts, *times, end))
    return ExitStatus.OK


async def _resend(database: Database, ids: Sequence[str] | None) -> int:
    from server.webhooks.deliveries import resend

    found = await resend(database, ids, time.time())
    print(f"{len(found)} messages are due now")
    missing = [each for each in ids or () if each not in found]
    for each in missing:
        print(f"no message {each}", file=sys.stderr)
    return ExitStatus.FAILED if missing else ExitStatus.OK


async def _secret(database: Database, settings: WebhookSettings, rotated: bool) -> int:
    from server.webhooks.kept_secrets import rotate, signing_secrets

    if rotated and settings.secrets:
        raise SettingsError(
            "webhooks.secrets is set: put a new secret before the old one there, and remove the "
            "old one when all receivers have the new one"
        )
    if rotated:
        print(await rotate(database, time.time()))
        print("the old secret signs for one more day", file=sys.stderr)
    else:
        for secret in await signing_secrets(database, settings, time.time()):
            print(secret)
    return ExitStatus.OK


def _time(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _parse(arguments: Sequence[str] | None, prog: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog=prog, description="Messages to the receivers that clients name with webhook_url."
    )
    actions = parser.add_subparsers(dest="action", required=True)
    listing = actions.add_parser("list", help="the newest messages and how they stand")
    listing.add_argument("--state", choices=("pending", "delivered", "dead"))
    listing.add_argument("--limit", type=int, default=50, help="how many; default: 50")
    resending = actions.add_parser("resend", help="send messages again, from the first attempt")
    which = resending.add_mutually_exclusive_group(required=True)
    which.add_argument("id", nargs="*", default=[], help="a message of the list")
    which.add_argument("--dead", action="store_true", help="all that were given up")
    secret = actions.add_parser("secret", help="print the secrets that sign, the newest first")
    secret.add_argument("--rotate", action="store_true", help="make a new one")
    for each in (listing, resending, secret):
        add_config_argument(each)
    return parser.parse_args(arguments)
