"""The documents of a run: where their pages are kept, and where their results go."""

from __future__ import annotations

import asyncio
import hashlib
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

from ocr_cli.recognize.document_work import DocumentWork
from ocr_cli.recognize.inputs import InputFile
from ocr_cli.recognize.origin import Origin
from ocr_cli.recognize.outcome import Failure, Outcome
from ocr_cli.recognize.pages_file import PagesFile
from ocr_cli.recognize.reader import DocumentInput, Outline, OutputOptions, Reader
from ocr_cli.recognize.results import Results
from ocr_cli.recognize.run_progress import RunProgress
from server.formats.pages import PageResult

NOT_DRAWN = "no boxes drawn: --draw is for single images"
_NOWHERE = Origin(-1, -1, "")


class Documents:
    """Recognizes documents with a started reader; what is missing of them goes to the outcome.

    again: drop the pages that an interrupted run has read.
    """

    def __init__(
        self,
        reader: Reader,
        output_options: OutputOptions,
        outcome: Outcome,
        progress: RunProgress,
        again: bool,
    ) -> None:
        self._reader = reader
        self._output_options = output_options
        self._outcome = outcome
        self._progress = progress
        self._again = again

    async def to_print(self, place: int, file: InputFile) -> BinaryIO:
        """The result in the only format, as a file that exists no longer than it is open."""
        (format,) = self._output_options.formats
        with tempfile.TemporaryDirectory(prefix="ocr-server-") as name:
            target = Path(name) / format
            store = await asyncio.to_thread(_open_pages, Path(name) / "pages", _NOWHERE)
            try:
                await self._recognize(place, file, store, {format: target})
            finally:
                store.close()
            return target.open("rb")

    async def to_files(self, results: Results, place: int, file: InputFile) -> None:
        """Write the results; pages are kept until all of them are read and all formats written."""
        formats = self._output_options.formats_of(file.document_kind)
        origin = await asyncio.to_thread(results.origins.of_result, file)
        targets = {each: results.unfinished(file, each) for each in formats}
        store = await asyncio.to_thread(
            _open_pages,
            results.pages_path(file),
            results.origins.of_pages(file),
            file.path,
            self._again,
        )
        try:
            work = await self._recognize(place, file, store, targets)
            written = [each for each in formats if each not in work.failed]
            complete = not work.problems
            await asyncio.to_thread(results.finish, file, origin, written, complete)
            if complete and not work.failed:
                store.delete()
        finally:
            for target in targets.values():
                target.unlink(missing_ok=True)
            if not store.done:
                store.delete()
            store.close()

    async def _recognize(
        self, place: int, file: InputFile, store: PagesFile, targets: Mapping[str, Path]
    ) -> DocumentWork:
        with tempfile.NamedTemporaryFile(prefix="ocr-server-") as given:
            if file.path is None:
                await asyncio.to_thread(given.write, file.content)
                given.flush()
            source = Path(given.name) if file.path is None else file.path
            kind = file.document_kind
            assert kind is not None, "images are read elsewhere"
            document = DocumentInput(source, kind, place, store.done, store.page_count, store.md5)

            def when_ready(event: Outline | PageResult) -> None:
                if isinstance(event, Outline):
                    kept = sum(map(store.has, event.pages))
                    self._outcome.kept += kept
                    self._progress.opened(place, file, len(event.pages), kept)
                else:
                    self._outcome.pages += event.result is not None
                    self._progress.page(place)

            work = DocumentWork(
                file, document, store, self._reader, self._output_options, when_ready
            )
            await work.run(targets)
        self._note(file, work)
        return work

    def _note(self, file: InputFile, work: DocumentWork) -> None:
        """Note what is missing of a document that has results."""
        outcome = self._outcome
        for format, error in work.failed.items():
            outcome.failures.append(Failure(file, error.code, f"no {format}: {error.message}"))
        for page, problem in sorted(work.problems.items()):
            outcome.failures.append(Failure(file, problem["code"], problem["message"], page))
        outcome.changes += ((file, change) for change in work.changes)
        if self._output_options.drawing:
            outcome.changes.append((file, NOT_DRAWN))


def _open_pages(
    path: Path, origin: Origin, source: Path | None = None, again: bool = False
) -> PagesFile:
    """The pages of a document that an earlier run has read; blocks. again: drop them.

    A file may have other bytes although its size and time are the same.
    """
    store = PagesFile(path, origin)
    store.open(again)
    if store.done and source is not None and _md5(source) != store.md5:
        store.clear()
    return store


def _md5(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, _new_md5).hexdigest()


def _new_md5() -> hashlib._Hash:
    return hashlib.md5(usedforsecurity=False)
