"""What `batch` and `watch` share: the ledger, the source, and the work on it."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import signal
import sys
import time
from argparse import Namespace
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ocr_cli.objects.recognition import Printed, ReaderRecognition
from ocr_cli.recognize.arguments import output_options
from ocr_cli.recognize.reader import ReaderUnavailable
from ocr_cli.recognize.readers import make_reader
from ocr_client.exit_status import ExitStatus
from ocr_engine.errors import EngineError
from server.database.storage import Storage, StorageError
from server.errors import ServiceError
from server.objects.errors import StoreUnavailable
from server.objects.ledger import Ledger
from server.objects.routes import SinkMaker, make_routes
from server.objects.sources.folder import FolderSource
from server.objects.sources.source import Source
from server.objects.work import ObjectWork
from server.settings.database import database_location
from server.settings.loading import SettingsError, load_settings
from server.settings.places import SCHEME, kind_of_results, parse_bucket_place
from server.settings.settings import Settings
from server.settings.storage import check_library, check_results


class CannotStart(Exception):
    """The run cannot start; the message is one line for the user."""


_NOT_STARTED = (
    CannotStart,
    EngineError,
    ReaderUnavailable,
    ServiceError,
    SettingsError,
    StorageError,
    StoreUnavailable,
)


def exit_status_of(run: Coroutine[Any, Any, int], prog: str) -> int:
    """Run a command to its end; prints one line if it cannot start."""
    try:
        return asyncio.run(run)
    except _NOT_STARTED as error:
        print(f"{prog}: {error}", file=sys.stderr)
        return ExitStatus.NOT_STARTED


@dataclass(frozen=True, slots=True)
class Session:
    """An open ledger, with what reads its objects."""

    ledger: Ledger
    source: Source
    recognition: ReaderRecognition
    work: ObjectWork
    printed: Printed


@contextlib.asynccontextmanager
async def opened(args: Namespace) -> AsyncIterator[Session]:
    """The session that the arguments ask for; its reader is not started yet.

    Many errors, each with one line for the user.
    """
    settings = load_settings(args.config)
    source = _make_source(args, settings)
    options = output_options(args, [args.format])
    reader = make_reader(args, options)
    await reader.probe()
    storage = Storage(database_location(settings))
    database = await storage.open()
    try:
        ledger = Ledger(database, _ledger_name(args, source), time.time)
        sinks = SinkMaker(settings.storage, options.rendering, database, Path.absolute)
        recognition = ReaderRecognition(reader)
        printed = Printed(args.quiet)
        work = ObjectWork(
            ledger,
            make_routes([source], args.out, sinks.make),
            recognition,
            options.rendering,
            recognition.room,
            again=args.since == "all",
            counted=printed,
        )
        yield Session(ledger, source, recognition, work, printed)
    finally:
        await reader.close()
        await storage.close()


@contextlib.contextmanager
def stopping(stop: Callable[[signal.Signals], None]) -> Iterator[None]:
    """Call this for SIGTERM and Ctrl-C, while an event loop runs."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop, number)
    try:
        yield
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


def _make_source(args: Namespace, settings: Settings) -> Source:
    check_library((args.source, *args.out))
    if args.source.startswith(SCHEME):
        try:
            place = parse_bucket_place(args.source)
            check_results([place], args.out)
        except ValueError as error:
            raise CannotStart(str(error)) from None
        from server.objects.bucket import open_bucket
        from server.objects.sources.bucket import BucketSource

        bucket = open_bucket(place.bucket, settings.storage)
        return BucketSource(bucket, [place.prefix], settings.storage.suffixes)
    folder = Path(args.source).absolute()
    if not folder.is_dir():
        raise CannotStart(f"{args.source}: no such folder")
    below = [
        Path(text).absolute()
        for text in args.out
        if kind_of_results(text) == "folder" and Path(text).absolute() != folder
    ]
    return FolderSource(folder, tuple(below))


def _ledger_name(args: Namespace, source: Source) -> str:
    """A name for each combination of source, places, format and options."""
    places = [
        text if text.startswith(SCHEME) or text == "database" else str(Path(text).absolute())
        for text in args.out
    ]
    prefix = args.source if args.source.startswith(SCHEME) else source.name
    parts = [prefix.rstrip("/"), sorted(places), args.format, args.granularity, sorted(args.option)]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]
