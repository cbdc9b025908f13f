"""`ocr-server recognize` from arguments to exit status."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import replace

from ocr_cli.recognize.arguments import parse_arguments, wanted
from ocr_cli.recognize.images import ImageFile, NoImages, find_images
from ocr_cli.recognize.local import InProcessReader
from ocr_cli.recognize.reader import Reader, ReaderGone, Wanted
from ocr_cli.recognize.remote import ServerReader
from ocr_cli.recognize.results import FolderBusy, InOrder, ResultFolder
from ocr_cli.recognize.work import Outcome, Work
from ocr_client.interrupt import INTERRUPTED, until_interrupted
from ocr_client.progress import Progress
from ocr_engine.errors import EngineError
from server.errors import ServiceError
from server.settings.settings import SettingsError, load_settings

GOOD, FAILED, NOT_STARTED = 0, 1, 2


class CannotStart(Exception):
    """Nothing was read; the message is the one line that the user reads."""


def main(arguments: Sequence[str], prog: str) -> int:
    """Read the images; the exit status."""
    args = parse_arguments(arguments, prog)
    try:
        images = find_images(args.images, args.output)
        return asyncio.run(_Command(args).run(images))
    except (
        CannotStart, EngineError, FolderBusy, NoImages, ReaderGone, ServiceError, SettingsError
    ) as error:  # fmt: skip
        print(f"ocr-server recognize: {error}", file=sys.stderr)
        return NOT_STARTED
    except KeyboardInterrupt:
        print("ocr-server recognize: stopped at once", file=sys.stderr)
        os._exit(INTERRUPTED)  # as in ocr_client/interrupt.py; this one came before the loop ran


class _Command:
    """One run; on one event loop."""

    def __init__(self, args: Namespace) -> None:
        self._args = args
        self._wanted: Wanted = wanted(args)
        self._outcome: Outcome | None = None
        self._loading_seconds = 0.0

    async def run(self, images: Sequence[ImageFile]) -> int:
        """Read, report; the exit status."""
        args = self._args
        if args.output is None and args.format not in ("text", "json") and len(images) > 1:
            raise CannotStart(
                f"{len(images)} images as {args.format} do not fit one stream; "
                "say where they go with --output DIR"
            )
        reader = self._reader()
        interrupted = await until_interrupted(self._read(reader, images))
        return self._report(interrupted)

    def _reader(self) -> Reader:
        args = self._args
        if args.url is not None:
            return ServerReader(args.url, self._wanted, args.at_once or 0, args.timeout)
        workers = {} if args.workers is None else {"ocr.process.number": str(args.workers)}
        return InProcessReader(load_settings(args.config, overrides=workers), self._wanted)

    async def _read(self, reader: Reader, images: Sequence[ImageFile]) -> None:
        """Leave out what is done, and read the rest."""
        args = self._args
        await reader.look()
        folder = None
        if args.output is not None:
            folder = ResultFolder(args.output, self._wanted, reader.fingerprint)
            folder.open()
        try:
            todo = images
            if folder is not None and not args.force:
                todo = await asyncio.to_thread(_not_done, folder, images)
            output = folder or InOrder(sys.stdout.buffer)
            work = Work(todo, reader, self._wanted, output, self._progress(len(todo)))
            work.outcome = replace(work.outcome, skipped=len(images) - len(todo))
            self._outcome = work.outcome
            if todo:
                await self._start_and_work(reader, work)
        finally:
            if folder is not None:
                folder.close()

    async def _start_and_work(self, reader: Reader, work: Work) -> None:
        began = time.perf_counter()
        progress = self._progress(work.outcome.wanted)
        if progress is not None:
            progress.show(None, "loading the models …" if self._args.url is None else "")
        try:
            await reader.start(work.outcome.wanted)
            self._loading_seconds = time.perf_counter() - began
            if progress is not None:
                progress.clear()
            await work.run()
        finally:
            if progress is not None:
                progress.clear()
            await reader.close()

    def _progress(self, images: int) -> Progress | None:
        return Progress(sys.stderr, "recognize") if images > 1 and not self._args.quiet else None

    def _report(self, interrupted: bool) -> int:
        """Say what was done, and list what could not be read."""
        outcome = self._outcome
        if outcome is None:
            return INTERRUPTED
        failures = sorted(outcome.failures, key=lambda each: each.image.name)
        for each in failures:
            print(f"{each.image.shown}: {each.code}: {each.message}", file=sys.stderr)
        if not self._args.quiet and (outcome.wanted + outcome.skipped > 1 or self._args.output):
            print(summary(outcome, self._loading_seconds), file=sys.stderr)
        if outcome.gone:
            print(f"ocr-server recognize: {outcome.gone}; {_again(self._args)}", file=sys.stderr)
        if interrupted:
            print(f"interrupted; {_again(self._args)}", file=sys.stderr)
            return INTERRUPTED
        return FAILED if failures or outcome.gone else GOOD


def summary(outcome: Outcome, loading_seconds: float) -> str:
    """One line with all figures."""
    rate = outcome.done / outcome.seconds if outcome.seconds else 0.0
    parts = [f"read {outcome.read} of {outcome.wanted} images"]
    if not outcome.wanted:
        parts = ["nothing to read"]
    if outcome.done:
        parts[0] += f" in {outcome.seconds:.1f} s ({rate:.2f} images/s)"
    if outcome.failures:
        parts.append(f"{len(outcome.failures)} failed")
    if outcome.skipped:
        parts.append(f"{outcome.skipped} were done before")
    if loading_seconds >= 0.1:
        parts.append(f"models loaded in {loading_seconds:.1f} s")
    return ", ".join(parts)


def _not_done(folder: ResultFolder, images: Sequence[ImageFile]) -> list[ImageFile]:
    return [image for image in images if not folder.has(image)]


def _again(args: Namespace) -> str:
    if args.output is not None:
        return "run the same command again to go on"
    return "with --output DIR it could be taken up again"
