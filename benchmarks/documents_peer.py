"""OCRmyPDF with Tesseract next to this server: one scan to a searchable PDF, in the same run."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pypdfium2
from PIL import Image
from server_under_test import ROOT, Verdict
from uploads import PAGES, Page

from server_programs import FETCHED, NoProgram, environment, find_program
from tests.support.http_client import KeptConnection, Part, image_part, multipart
from tests.support.pdfs import PdfWriter, jpeg_page, pdf_of
from tests.support.server_process import ServerProcess
from text_accuracy import character_accuracy

DPI = 150  # at which the project's pages are taken as scanned
LANGUAGES = "chi_sim+eng"
LEAST_TIMES = 5.0
SECONDS = 900.0
OCRMYPDF = ROOT / ".venv" / "ocrmypdf" / "bin" / "ocrmypdf"


def check_peer(server: ServerProcess, folder: Path, jobs: int, table: Verdict) -> None:
    """Pages per second and character accuracy of both, on the project's pages that are JPEGs."""
    try:
        tesseract = _tesseract()
    except NoProgram as error:
        table.row("OCRmyPDF with Tesseract", f"left out: {error}")
        return
    pages = scanned_pages()
    source, target = folder / "scan.pdf", folder / "searchable.pdf"
    source.write_bytes(_scan(pages))
    _ours(server, _scan(pages[:4]), dpi="149")  # warm
    ours, our_seconds = _ours(server, source.read_bytes())
    command = [str(OCRMYPDF), "--ocr-engine", "tesseract", "--output-type", "pdf", "-l", LANGUAGES]
    begun = time.monotonic()
    done = subprocess.run(
        [*command, "--jobs", str(jobs), str(source), str(target)],
        env=tesseract,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    their_seconds = time.monotonic() - begun
    if done.returncode:
        table.row("OCRmyPDF with Tesseract", done.stderr.strip()[-200:], False)
        return
    accuracies = [_accuracy(pages, data) for data in (ours, target.read_bytes())]
    for name, seconds, accuracy in (
        ("this server", our_seconds, accuracies[0]),
        ("OCRmyPDF with Tesseract", their_seconds, accuracies[1]),
    ):
        rate = len(pages) / seconds
        table.row(name, f"{rate:.2f} pages/s, {accuracy:.2%} of the characters")
    times = their_seconds / our_seconds
    table.row("… how many times as fast", f"{times:.1f}", times >= LEAST_TIMES)
    more = accuracies[0] - accuracies[1]
    table.row("… more accurate", f"{more:+.2%}", more > 0)


def scanned_pages() -> list[Page]:
    """The project's pages that are JPEGs, with their lines."""
    listed = json.loads(PAGES.read_text(encoding="utf-8"))["pages"]
    return [
        Page((PAGES.parent / "pages" / page["file"]).read_bytes(), (*page["lines"],))
        for page in listed
        if page["file"].endswith(".jpg")
    ]


def _scan(pages: Sequence[Page]) -> bytes:
    """A PDF with each image as a page."""
    writer = PdfWriter()
    return pdf_of([jpeg_page(writer, page.image, _size(page.image)) for page in pages], writer)


def _size(jpeg: bytes) -> tuple[float, float]:
    with Image.open(io.BytesIO(jpeg)) as image:
        return image.width * 72 / DPI, image.height * 72 / DPI


def _ours(server: ServerProcess, pdf: bytes, **fields: str) -> tuple[bytes, float]:
    parts = [Part(name, value.encode()) for name, value in {"format": "pdf", **fields}.items()]
    body, headers = multipart([*parts, image_part(pdf)])
    begun = time.monotonic()
    with KeptConnection(server.port, SECONDS) as connection:
        reply = connection.request("POST", "/ocr", body, headers)
    assert reply.status == 200, reply.body[:300]
    return reply.body, time.monotonic() - begun


def _accuracy(pages: Sequence[Page], pdf: bytes) -> float:
    """The share of characters that are right in the text of the PDF, as PDFium finds it."""
    with pypdfium2.PdfDocument(pdf) as document:
        read = [document[n].get_textpage().get_text_range() for n in range(len(pages))]
    return character_accuracy(
        (page.lines, text.splitlines()) for page, text in zip(pages, read, strict=True)
    )


def _tesseract() -> dict[str, str]:
    """The variables with which OCRmyPDF finds Tesseract and its languages; NoProgram."""
    if not OCRMYPDF.exists():
        raise NoProgram("OCRmyPDF is missing: make ocrmypdf installs it")
    fetch = [sys.executable, str(ROOT / "tools" / "server_programs.py"), "tesseract"]
    done = subprocess.run(fetch, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NoProgram(done.stderr.strip())
    program = find_program("tesseract")
    found = {**os.environ, **environment(), "OMP_THREAD_LIMIT": "1"}
    found["PATH"] = f"{program.parent}{os.pathsep}{found.get('PATH', '')}"
    if program.is_relative_to(FETCHED):
        (data,) = FETCHED.glob("usr/share/tesseract-ocr/*/tessdata")
        found["TESSDATA_PREFIX"] = str(data)
    return found
