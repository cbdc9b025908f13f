"""The files that Umi-OCR's API makes of a document: its text in several forms, a PDF, or a zip."""

from __future__ import annotations

import asyncio
import contextlib
import csv
import io
import os
import zipfile
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from server.blobs.unnamed_file import PART_BYTES, UnnamedFile, unnamed_file
from server.blobs.write_all import write_all
from server.errors import StorageUnavailable
from server.formats.converting import Converter
from server.formats.pages import PageResult
from server.formats.rendering import Rendering
from server.http.dialects.umi_pages import View, page_content, page_text
from server.http.dialects.umi_replies import ascii_json
from server.jobs.converted import converted_job
from server.jobs.record import KeptPages

PDF = "pdfLayered"
SUFFIXES = {
    PDF: ".layered.pdf",
    "txt": ".txt",
    "txtPlain": ".p.txt",
    "jsonl": ".jsonl",
    "csv": ".csv",
}
ZIP_SUFFIX = ".zip"
_BOM = "\ufeff"  # for spreadsheets

Write = Callable[[PageResult, str], bytes]  # a page and its text


class DocumentFiles:
    """Makes the files of one document. name: of the document, without its ending.

    with_blank: whether pages without text are written. item: a page as JSON.
    """

    def __init__(
        self,
        kept: KeptPages,
        rendering: Rendering,
        view: View,
        name: str,
        with_blank: bool,
        converter: Converter,
    ) -> None:
        self._kept = kept
        self._rendering = rendering
        self._view = view
        self._name = name
        self._with_blank = with_blank
        self._converter = converter
        self._writers: Mapping[str, Write] = {
            "txt": _titled,
            "txtPlain": lambda _, text: f"{text}\n".encode("utf-8", "replace"),
            "jsonl": self._line,
            "csv": _row,
        }

    async def made(self, types: Sequence[str]) -> UnnamedFile:
        """One file, or a zip of several; Gone, StorageUnavailable and the errors of PDFs."""
        with _storage_errors():
            if len(types) == 1:
                return await self._file(types[0])
            made = await unnamed_file()
            with (
                os.fdopen(os.dup(made.descriptor), "w+b") as target,
                zipfile.ZipFile(target, "w") as archive,
            ):
                for each in types:
                    part = await self._file(each)
                    name = f"{self._name}{SUFFIXES[each]}"
                    await asyncio.to_thread(_add, archive, name, part, each != PDF)
            return made

    async def _file(self, file_type: str) -> UnnamedFile:
        if file_type == PDF:
            as_pdf = replace(self._rendering, format="pdf")
            return (await converted_job(self._kept, self._converter, as_pdf)).file
        made = await unnamed_file()
        if file_type == "csv":
            await asyncio.to_thread(write_all, made.descriptor, f"{_BOM}page,text\r\n".encode())
        async with contextlib.aclosing(self._parts(self._writers[file_type])) as parts:
            async for part in parts:
                await asyncio.to_thread(write_all, made.descriptor, part)
        return made

    async def _parts(self, write: Write) -> AsyncGenerator[bytes, None]:
        async with contextlib.aclosing(self._kept.read()) as pages:
            async for page in pages:
                yield await asyncio.to_thread(self._written, page, write)

    def _written(self, page: PageResult, write: Write) -> bytes:
        view = self._view.at(page.page, self._kept.page_count)
        text = page_text(page, view, self._rendering.order)
        return write(page, text) if text or self._with_blank else b""

    def _line(self, page: PageResult, _: str) -> bytes:
        view = self._view.at(page.page, self._kept.page_count)
        shown = page_content(page, view, self._rendering.order, as_text=False)
        return ascii_json({**shown, "page": page.page, "fileName": self._name}) + b"\n"


def _titled(page: PageResult, text: str) -> bytes:
    return f"----- {page.page} -----\n{text}\n\n".encode("utf-8", "replace")


def _row(page: PageResult, text: str) -> bytes:
    row = io.StringIO()
    csv.writer(row).writerow((page.page, text))
    return row.getvalue().encode("utf-8", "replace")


def _add(archive: zipfile.ZipFile, name: str, part: UnnamedFile, is_text: bool) -> None:
    """Add a file to a zip; a PDF is compressed already."""
    entry = zipfile.ZipInfo(name)
    entry.compress_type = zipfile.ZIP_DEFLATED if is_text else zipfile.ZIP_STORED
    place = 0
    with archive.open(entry, "w", force_zip64=True) as target:
        while data := os.pread(part.descriptor, PART_BYTES, place):
            place += len(data)
            target.write(data)


@contextlib.contextmanager
def _storage_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageUnavailable("the file cannot be written at the moment") from error
