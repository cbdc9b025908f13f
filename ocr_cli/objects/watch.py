"""`ocr-server watch`: reads what is new in a folder or a bucket, until it is stopped."""

from __future__ import annotations

import asyncio
import signal
import sys
from argparse import Namespace
from collections.abc import Sequence
from typing import Any

from ocr_cli.objects.arguments import parse_watch
from ocr_cli.objects.folder_watch import FolderWatch
from ocr_cli.objects.session import Session, exit_status_of, opened, stopping
from ocr_client.exit_status import ExitStatus
from server.errors import StorageUnavailable
from server.objects.errors import StoreUnavailable
from server.objects.found import Found
from server.objects.search import search
from server.objects.sources.folder import FolderSource

MANY = 10**6  # objects: as many workers as the settings say


def main(arguments: Sequence[str], prog: str) -> int:
    """Read until stopped; returns the exit status."""
    return exit_status_of(_run(parse_watch(arguments, prog)), prog)


async def _run(args: Namespace) -> int:
    stopped: asyncio.Future[signal.Signals] = asyncio.get_running_loop().create_future()

    def stop(number: signal.Signals) -> None:
        if not stopped.done():
            stopped.set_result(number)

    async with opened(args) as session:
        with stopping(stop):
            await session.recognition.start(MANY)
            print(f"watching {args.source}", file=sys.stderr, flush=True)
            tasks = [
                asyncio.ensure_future(session.work.run()),
                asyncio.ensure_future(_find(session, args)),
            ]
            ends: list[asyncio.Future[Any]] = [*tasks, stopped]
            try:
                await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for end in ends:
                    end.cancel()
                await asyncio.gather(*ends, return_exceptions=True)
            for task in tasks:
                if not task.cancelled():
                    task.result()  # raises what has ended it
    return ExitStatus.INTERRUPTED if stopped.result() is signal.SIGINT else ExitStatus.OK


async def _find(session: Session, args: Namespace) -> None:
    """Note what is new, until cancelled."""
    if isinstance(session.source, FolderSource):

        async def note(found: Sequence[Found]) -> None:
            await session.ledger.note(found)
            session.work.wake()

        await FolderWatch(session.source, note, args.rest, args.every).run()
    problem = ""
    while True:
        try:
            if await search(session.ledger, [session.source]):
                session.work.wake()
            problem = ""
        except (StoreUnavailable, StorageUnavailable) as error:
            if str(error) != problem:
                print(f"ocr-server watch: {error}", file=sys.stderr, flush=True)
            problem = str(error)
        await asyncio.sleep(args.every)
