"""`ocr-server keys`: make, list, limit, rotate, revoke and purge the keys of users."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ocr_cli.key_arguments import given_fields, parse_arguments
from ocr_client.exit_status import ExitStatus
from server.database.storage import Storage, StorageError
from server.errors import NotFound, StorageUnavailable
from server.operations.audit import Action, AuditLog
from server.settings.audit import audit_path
from server.settings.database import database_location
from server.settings.loading import SettingsError, load_settings
from server.settings.settings import Settings

if TYPE_CHECKING:
    from server.users.key_record import KeyRecord
    from server.users.key_store import KeyStore

PAGE = 1000
_AUDITED: dict[str, Action] = {
    "add": "key_added",
    "limit": "key_changed",
    "rotate": "key_rotated",
    "revoke": "key_revoked",
    "purge": "key_purged",
}
_USAGE = ("day", "user", "label", "images", "pages", "cached", "seconds", "bytes", "errors")


def main(arguments: Sequence[str] | None = None, prog: str = "ocr-server keys") -> int:
    """Run the subcommand; returns the exit status."""
    options = parse_arguments(arguments, prog)
    try:
        settings = load_settings(options.config)
        return asyncio.run(_run(options, settings))
    except (SettingsError, StorageError, StorageUnavailable) as error:
        print(f"{prog}: {error}", file=sys.stderr)
        return ExitStatus.NOT_STARTED
    except NotFound as error:
        print(f"{prog}: {error}", file=sys.stderr)
        return ExitStatus.FAILED


async def _run(options: argparse.Namespace, settings: Settings) -> int:
    location = database_location(settings)
    if options.action != "add" and location.file is not None and not location.file.exists():
        raise StorageError(
            f"there is no database at {location.shown}; `keys add` makes it. Run this as the "
            "server's user, with its STATE_DIRECTORY or XDG_STATE_HOME if it has one"
        )
    options.database = location.shown
    storage = Storage(location)
    try:
        database = await storage.open()
        from server.users.key_store import KeyStore

        store = KeyStore(database)
        if options.action == "purge":
            status = await _purge(options, settings, storage, store)
        else:
            status = await _ACTIONS[options.action](options, store)
        if status == ExitStatus.OK:
            _audit(options, settings)
        return status
    finally:
        await storage.close()


def _audit(options: argparse.Namespace, settings: Settings) -> None:
    """Write the change to the audit log; to standard error if the log is not a file."""
    action = _AUDITED.get(options.action)
    if action is not None:
        log = AuditLog(audit_path(settings), days=None, stream=sys.stderr)
        log.start()
        log.write(action, user="cli", target=options.id)
        log.close()


async def _add(options: argparse.Namespace, store: KeyStore) -> int:
    record, secret = await store.add(given_fields(options), time.time())
    options.id = record.key_id  # for the audit log
    return _print_secret(options, record, secret)


async def _rotate(options: argparse.Namespace, store: KeyStore) -> int:
    return _print_secret(options, *await store.rotate(options.id, options.keep, time.time()))


async def _list(options: argparse.Namespace, store: KeyStore) -> int:
    records = await _all(store)
    now = time.time()
    if options.json:
        return _print_json({"keys": [record.json(now) for record in records]})
    columns = ("id", "label", "state", "scopes", "weight", "quota", "created", "expires")
    rows = [
        (
            record.key_id,
            record.label,
            record.state(now),
            ",".join(record.scopes),
            f"{record.weight:g}",
            "-" if record.limits.daily_quota is None else str(record.limits.daily_quota),
            _date(record.created_at),
            _date(record.expires_at),
        )
        for record in records
    ]
    return _print_table(columns, rows)


async def _all(store: KeyStore) -> list[KeyRecord]:
    records: list[KeyRecord] = []
    while page := await store.page(records[-1].key_id if records else None, PAGE):
        records += page
    return records


async def _show(options: argparse.Namespace, store: KeyStore) -> int:
    return _print_record(options, await store.get(options.id))


async def _limit(options: argparse.Namespace, store: KeyStore) -> int:
    fields = given_fields(options)
    if not fields:
        print("nothing to change; `ocr-server keys limit --help` lists the limits", file=sys.stderr)
        return ExitStatus.NOT_STARTED
    return _print_record(options, await store.change(options.id, fields))


async def _revoke(options: argparse.Namespace, store: KeyStore) -> int:
    record = await store.revoke(options.id, time.time())
    if options.json:
        return _print_json({"key": record.json(time.time())})
    print(f"revoked {record.key_id} ({record.label})")
    return ExitStatus.OK


async def _purge(
    options: argparse.Namespace, settings: Settings, storage: Storage, store: KeyStore
) -> int:
    record = await store.get(options.id)
    if not options.yes and not _confirmed(record):
        print("nothing was deleted; --yes deletes without asking", file=sys.stderr)
        return ExitStatus.NOT_STARTED
    from server.users.erasing import erase_user, erasers_of

    await erase_user(await storage.open(), options.id, time.time(), erasers_of(settings))
    if options.json:
        return _print_json({"purged": record.key_id})
    print(f"{record.key_id} ({record.label}) and all its data are deleted")
    return ExitStatus.OK


def _confirmed(record: KeyRecord) -> bool:
    """Ask for confirmation on the terminal; False if there is none."""
    asked = f"delete the key {record.key_id} ({record.label}) and all its data? [y/N] "
    return sys.stdin.isatty() and input(asked).strip().lower() in ("y", "yes")


async def _usage(options: argparse.Namespace, store: KeyStore) -> int:
    rows = await store.usage(options.id, options.first, options.last)
    if options.json:
        return _print_json({"usage": rows})
    labels = {record.key_id: record.label for record in await _all(store)}
    for row in rows:
        row["label"] = labels.get(row["user"], "-")
    return _print_table(_USAGE, [[_number(row[name]) for name in _USAGE] for row in rows])


_ACTIONS = {
    "add": _add,
    "list": _list,
    "show": _show,
    "limit": _limit,
    "rotate": _rotate,
    "revoke": _revoke,
    "usage": _usage,
}


def _print_secret(options: argparse.Namespace, record: KeyRecord, secret: str) -> int:
    if options.json:
        return _print_json({"key": record.json(time.time()), "secret": secret})
    print(secret)
    print("Keep it now: it is not stored, and not shown again.", file=sys.stderr)
    print(f"Its hash is in {options.database}.", file=sys.stderr)
    return ExitStatus.OK


def _print_record(options: argparse.Namespace, record: KeyRecord) -> int:
    body = record.json(time.time())
    if options.json:
        return _print_json({"key": body})
    shown: dict[str, Any] = {**body, "scopes": ", ".join(body["scopes"])}
    for name in ("created_at", "expires_at", "revoked_at"):
        shown[name] = _date(shown[name])
    shown["secrets"] = "; ".join(
        f"from {_date(each['created_at'])} to {_date(each['expires_at'])}"
        for each in body["secrets"]
    )
    width = max(map(len, shown))
    for name, value in shown.items():
        print(f"{name:{width}}  {'-' if value is None else value}")
    return ExitStatus.OK


def _print_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> int:
    widths = [max(map(len, column)) for column in zip(columns, *rows, strict=True)]
    for row in (columns, *rows):
        cells = [f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)]
        print("  ".join(cells).rstrip())
    return ExitStatus.OK


def _print_json(value: Any) -> int:
    print(json.dumps(value, indent=2, ensure_ascii=False))
    return ExitStatus.OK


def _number(value: Any) -> str:
    return f"{value:.1f}" if isinstance(value, float) else str(value)


def _date(unix_time: float | None) -> str:
    if unix_time is None:
        return "-"
    return datetime.fromtimestamp(unix_time, UTC).strftime("%Y-%m-%d %H:%M")
