"""`ocr-server batch`: reads what is new in a folder or a bucket, then exits."""

from __future__ import annotations

import asyncio
import signal
import sys
from argparse import Namespace
from collections.abc import Sequence

from ocr_cli.objects.arguments import parse_batch
from ocr_cli.objects.session import Session, exit_status_of, opened, stopping
from ocr_client.exit_status import ExitStatus
from server.objects.search import search

LOOK_SECONDS = 0.2


def main(arguments: Sequence[str], prog: str) -> int:
    """Read what is new; returns the exit status."""
    return exit_status_of(_run(parse_batch(arguments, prog)), prog)


async def _run(args: Namespace) -> int:
    async with opened(args) as session:
        batch = _Batch(session)
        with stopping(batch.stop):
            since = args.since if isinstance(args.since, float) else None
            await search(session.ledger, [session.source], since, again=args.since == "all")
            await batch.run()
        return await batch.report(args.quiet)


class _Batch:
    """One run, from what was found to the last result."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._signal: signal.Signals | None = None

    def stop(self, number: signal.Signals) -> None:
        """Finish what has begun, and leave the rest for the next run."""
        self._signal = number

    async def run(self) -> None:
        """Work until nothing can be read now; ReaderUnavailable if the reader does not start."""
        session = self._session
        pending = await session.ledger.pending()
        if not pending.total or self._signal:
            return
        await session.recognition.start(pending.total)
        working = asyncio.ensure_future(session.work.run())
        try:
            while not self._is_over() and (pending.ready or pending.leased):
                await asyncio.sleep(LOOK_SECONDS)
                pending = await session.ledger.pending()
        finally:
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)

    async def report(self, quiet: bool) -> int:
        """Print a summary; returns the exit status."""
        session = self._session
        left = (await session.ledger.pending()).total
        done, failed = session.work.finished["done"], session.printed.failed
        parts = [f"{done} read"] if done or failed or left else ["nothing new"]
        parts += [f"{failed} failed"] if failed else []
        parts += [f"{left} left for the next run"] if left else []
        reason = session.recognition.unavailable or session.work.problem if left else ""
        if reason:
            print(f"ocr-server batch: {reason}", file=sys.stderr)
        if not quiet or left:
            print(", ".join(parts), file=sys.stderr)
        if self._signal is signal.SIGINT:
            return ExitStatus.INTERRUPTED
        return ExitStatus.FAILED if failed or left else ExitStatus.OK

    def _is_over(self) -> bool:
        return bool(self._signal or self._session.recognition.unavailable)
