"""The command `ocr-server recognize`, from arguments to exit status."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from ocr_cli.recognize.arguments import output_options, parse_arguments
from ocr_cli.recognize.inputs import InputFile, Inputs, NoInputs, find_inputs
from ocr_cli.recognize.origin import CannotWrite
from ocr_cli.recognize.outcome import Outcome
from ocr_cli.recognize.password import PasswordUnreadable, with_password
from ocr_cli.recognize.reader import OutputOptions, Reader, ReaderUnavailable
from ocr_cli.recognize.readers import make_reader
from ocr_cli.recognize.results import OrderedOutput, ResultFile, ResultFolder, Results
from ocr_cli.recognize.run_progress import RunProgress
from ocr_cli.recognize.work import Work
from ocr_client.exit_status import ExitStatus
from ocr_client.interrupt import until_interrupted
from ocr_client.progress import Progress
from ocr_engine.errors import EngineError
from server.errors import ServiceError
from server.settings.loading import SettingsError

MANY_IMAGES = 10**6
MOST_SKIPPED = 20  # files that are named


class CannotStart(Exception):
    """The run cannot start; the message is one line for the user."""


def main(arguments: Sequence[str], prog: str) -> int:
    """Recognize the files; returns the exit status."""
    args = parse_arguments(arguments, prog)
    try:
        args.document = with_password(args.document, args.password, args.password_file)
        inputs = find_inputs(args.files, args.output)
        return asyncio.run(_Command(args).run(inputs))
    except (
        CannotStart,
        CannotWrite,
        EngineError,
        NoInputs,
        PasswordUnreadable,
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
        self._output_options: OutputOptions = output_options(args, args.format, args.document)
        self._outcome: Outcome | None = None
        self._loading_seconds = 0.0

    async def run(self, inputs: Inputs) -> int:
        """Recognize and report; returns the exit status."""
        self._check(inputs)
        reader = make_reader(self._args, self._output_options)
        interrupted = await until_interrupted(self._read(reader, inputs))
        return self._report(interrupted, inputs)

    def _check(self, inputs: Inputs) -> None:
        """CannotStart if the results cannot go where they are to go."""
        args, number = self._args, len(inputs.files)
        if args.output_file is not None:
            _check_file(args.output_file, inputs.files)
        elif args.alongside and inputs.root is None:
            raise CannotStart("standard input has no folder; use --output DIR, not --alongside")
        to_stream = not self._writes_files()
        format = self._output_options.formats[0]
        if to_stream and number > 1 and format not in ("text", "json"):
            raise CannotStart(
                f"{number} files as {format} cannot go to one stream; "
                "write them to a folder with --output DIR"
            )

    async def _read(self, reader: Reader, inputs: Inputs) -> None:
        """Skip finished files and recognize the others."""
        await reader.probe()
        results = self._results(reader, inputs)
        if results is not None:
            results.open()
        try:
            todo: Sequence[InputFile] = inputs.files
            skipped = 0
            if isinstance(results, ResultFolder):
                todo, skipped = await asyncio.to_thread(self._not_done, results, todo)
            documents = await asyncio.to_thread(_count_documents, todo)
            self._outcome = Outcome(len(todo), documents, skipped=skipped)
            if todo:
                await self._work(reader, todo, results or OrderedOutput(sys.stdout.buffer))
        finally:
            if results is not None:
                results.close()

    def _results(self, reader: Reader, inputs: Inputs) -> Results | None:
        """Where the results go; None: to standard output."""
        args, options = self._args, self._output_options
        if args.output_file is not None:
            return ResultFile(args.output_file, options, reader.fingerprint)
        folder: Path | None = inputs.root if args.alongside else args.output
        return None if folder is None else ResultFolder(folder, options, reader.fingerprint)

    def _not_done(
        self, folder: ResultFolder, files: Sequence[InputFile]
    ) -> tuple[Sequence[InputFile], int]:
        """The files that are to be read, and how many are done; blocks."""
        files = [file for file in files if not folder.wrote(file)]
        folder.check_names(files)
        todo = files if self._args.force else [file for file in files if not folder.has(file)]
        return todo, len(files) - len(todo)

    async def _work(
        self, reader: Reader, todo: Sequence[InputFile], output: Results | OrderedOutput
    ) -> None:
        assert self._outcome is not None
        began = time.perf_counter()
        outcome, progress = self._outcome, RunProgress(self._shown(), self._outcome)
        if self._args.url is None:
            progress.waiting("loading the models …")
        try:
            # How many pages documents have is not known yet.
            await reader.start(MANY_IMAGES if outcome.documents else outcome.total)
            self._loading_seconds = time.perf_counter() - began
            progress.clear()
            progress.began()
            work = Work(
                todo, reader, self._output_options, output, outcome, progress, self._args.force
            )
            await work.run()
        finally:
            progress.clear()
            await reader.close()

    def _shown(self) -> Progress | None:
        outcome = self._outcome
        assert outcome is not None
        is_long = outcome.total > 1 or outcome.documents > 0
        return Progress(sys.stderr, "recognize") if is_long and not self._args.quiet else None

    def _report(self, interrupted: bool, inputs: Inputs) -> int:
        """Print what failed, what was left out, and a summary."""
        outcome, args = self._outcome, self._args
        if outcome is None:
            return ExitStatus.INTERRUPTED
        failures = sorted(outcome.failures, key=lambda each: (each.file.name, each.page))
        for each in failures:
            print(each, file=sys.stderr)
        if not args.quiet:
            for file, change in outcome.changes:
                print(f"{file.display_name}: {change}", file=sys.stderr)
            _print_skipped(inputs.skipped)
            if outcome.total + outcome.skipped > 1 or outcome.documents or self._writes_files():
                print(outcome.summary(self._loading_seconds), file=sys.stderr)
        hint = self._resume_hint()
        if outcome.unavailable:
            print(f"ocr-server recognize: {outcome.unavailable}; {hint}", file=sys.stderr)
        if interrupted:
            print(f"interrupted; {hint}", file=sys.stderr)
            return ExitStatus.INTERRUPTED
        return ExitStatus.FAILED if failures or outcome.unavailable else ExitStatus.OK

    def _writes_files(self) -> bool:
        args = self._args
        return args.alongside or args.output is not None or args.output_file is not None

    def _resume_hint(self) -> str:
        if self._writes_files():
            return "run the same command again to resume"
        return "use --output to make a run resumable"


def _check_file(output: Path, files: Sequence[InputFile]) -> None:
    """CannotStart unless there is one file, which is not this one."""
    if len(files) > 1:
        raise CannotStart(f"{len(files)} files cannot be written to {output}; name a folder")
    path = files[0].path
    if path is not None and output.exists() and path.samefile(output):
        raise CannotStart(f"{output} would be overwritten by its own result; choose another name")


def _count_documents(files: Sequence[InputFile]) -> int:
    return sum(file.document_kind is not None for file in files)


def _print_skipped(paths: Sequence[Path]) -> None:
    """The first files that were left out, and how many more there are."""
    for path in paths[:MOST_SKIPPED]:
        print(f"{path}: skipped, it is neither an image nor a document", file=sys.stderr)
    if len(paths) > MOST_SKIPPED:
        more = len(paths) - MOST_SKIPPED
        print(f"{more} more files skipped, which are neither images nor documents", file=sys.stderr)
