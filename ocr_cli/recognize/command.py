"""The command `ocr-server recognize`, from arguments to exit status."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import replace

from ocr_cli.recognize.arguments import output_options, parse_arguments
from ocr_cli.recognize.images import ImageFile, NoImages, find_images
from ocr_cli.recognize.reader import OutputOptions, Reader, ReaderUnavailable
from ocr_cli.recognize.readers import make_reader
from ocr_cli.recognize.results import FolderBusy, OrderedOutput, ResultFolder
from ocr_cli.recognize.work import Outcome, Work
from ocr_client.exit_status import ExitStatus
from ocr_client.interrupt import until_interrupted
from ocr_client.progress import Progress
from ocr_engine.errors import EngineError
from server.errors import ServiceError
from server.settings.loading import SettingsError


class CannotStart(Exception):
    """The run cannot start; the message is one line for the user."""


def main(arguments: Sequence[str], prog: str) -> int:
    """Recognize the images; returns the exit status."""
    args = parse_arguments(arguments, prog)
    try:
        images = find_images(args.images, args.output)
        return asyncio.run(_Command(args).run(images))
    except (
        CannotStart,
        EngineError,
        FolderBusy,
        NoImages,
        ReaderUnavailable,
        ServiceError,
        SettingsError,
    ) as error:
        print(f"ocr-server recognize: {error}", file=sys.stderr)
        return ExitStatus.NOT_STARTED
    except KeyboardInterrupt:
        print("ocr-server recognize: interrupted", file=sys.stderr)
        os._exit(
            ExitStatus.INTERRUPTED
        )  # as in ocr_client/interrupt.py; this one came before the loop ran


class _Command:
    """One run of the command, on one event loop."""

    def __init__(self, args: Namespace) -> None:
        self._args = args
        self._output_options: OutputOptions = output_options(args)
        self._outcome: Outcome | None = None
        self._loading_seconds = 0.0

    async def run(self, images: Sequence[ImageFile]) -> int:
        """Recognize and report; returns the exit status."""
        args = self._args
        if args.output is None and args.format not in ("text", "json") and len(images) > 1:
            raise CannotStart(
                f"{len(images)} images as {args.format} cannot go to one stream; "
                "write them to a folder with --output DIR"
            )
        reader = make_reader(args, self._output_options)
        interrupted = await until_interrupted(self._read(reader, images))
        return self._report(interrupted)

    async def _read(self, reader: Reader, images: Sequence[ImageFile]) -> None:
        """Skip finished images and recognize the others."""
        args = self._args
        await reader.probe()
        folder = None
        if args.output is not None:
            folder = ResultFolder(args.output, self._output_options, reader.fingerprint)
            folder.open()
        try:
            todo = images
            if folder is not None and not args.force:
                todo = await asyncio.to_thread(_not_done, folder, images)
            output = folder or OrderedOutput(sys.stdout.buffer)
            work = Work(todo, reader, self._output_options, output, self._progress(len(todo)))
            work.outcome = replace(work.outcome, skipped=len(images) - len(todo))
            self._outcome = work.outcome
            if todo:
                await self._start_and_work(reader, work)
        finally:
            if folder is not None:
                folder.close()

    async def _start_and_work(self, reader: Reader, work: Work) -> None:
        began = time.perf_counter()
        progress = self._progress(work.outcome.total)
        if progress is not None:
            progress.show(None, "loading the models …" if self._args.url is None else "")
        try:
            await reader.start(work.outcome.total)
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
        """Print the failed images and a summary."""
        outcome = self._outcome
        if outcome is None:
            return ExitStatus.INTERRUPTED
        failures = sorted(outcome.failures, key=lambda each: each.image.name)
        for each in failures:
            print(f"{each.image.display_name}: {each.code}: {each.message}", file=sys.stderr)
        for image, change in [] if self._args.quiet else outcome.changes:
            print(f"{image.display_name}: {change}", file=sys.stderr)
        if not self._args.quiet and (outcome.total + outcome.skipped > 1 or self._args.output):
            print(summary(outcome, self._loading_seconds), file=sys.stderr)
        hint = _resume_hint(self._args)
        if outcome.unavailable:
            print(
                f"ocr-server recognize: {outcome.unavailable}; {hint}",
                file=sys.stderr,
            )
        if interrupted:
            print(f"interrupted; {hint}", file=sys.stderr)
            return ExitStatus.INTERRUPTED
        return ExitStatus.FAILED if failures or outcome.unavailable else ExitStatus.OK


def summary(outcome: Outcome, loading_seconds: float) -> str:
    """The summary of a run in one line."""
    rate = outcome.done / outcome.seconds if outcome.seconds else 0.0
    parts = [f"recognized {outcome.read} of {outcome.total} images"]
    if not outcome.total:
        parts = ["nothing to do"]
    if outcome.done:
        parts[0] += f" in {outcome.seconds:.1f} s ({rate:.2f} images/s)"
    if outcome.failures:
        parts.append(f"{len(outcome.failures)} failed")
    if outcome.skipped:
        parts.append(f"{outcome.skipped} already done")
    if loading_seconds >= 0.1:
        parts.append(f"models loaded in {loading_seconds:.1f} s")
    return ", ".join(parts)


def _not_done(folder: ResultFolder, images: Sequence[ImageFile]) -> list[ImageFile]:
    return [image for image in images if not folder.has(image)]


def _resume_hint(args: Namespace) -> str:
    if args.output is not None:
        return "run the same command again to resume"
    return "use --output DIR to make a run resumable"
