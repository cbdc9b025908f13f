"""`ocrmypdf` with the plugin and the server of this repository."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pypdfium2
import pytest
from ocrmypdf_ocr_server.client import Address, ask
from PIL import Image

ROOT = Path(__file__).resolve().parents[3]
IMAGE = ROOT / "imgs" / "sign.jpg"
LINES = ["海风书店", "SEA BREEZE BOOKS", "每天十点到二十点"]
DPI = 100
SECONDS = 300.0  # for a document of some pages, on a busy machine
NEAR = 6.0  # points; the letters are 50 points high, and begin a little behind their left edge


def run(
    source: Path, target: Path, server: str, programs: str, *arguments: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ocrmypdf", "--output-type", "pdf", *arguments, source, target],
        env={**os.environ, "PATH": programs, "OCR_SERVER_URL": server},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def scan(folder: Path, rotation: int = 0, pages: int = 1) -> Path:
    """A PDF of the image, rotated counter-clockwise."""
    image = Image.open(IMAGE).convert("RGB").rotate(rotation, expand=True)
    path = folder / "scan.pdf"
    image.save(path, resolution=DPI, save_all=True, append_images=[image] * (pages - 1))
    return path


def lines_in(pdf: Path, number: int = 0) -> list[str]:
    with pypdfium2.PdfDocument(pdf) as document:
        text: str = document[number].get_textpage().get_text_range()
        return [line.strip() for line in text.splitlines() if line.strip()]


def test_pages_have_the_text_without_blanks(tmp_path: Path, server: str, programs: str) -> None:
    target = tmp_path / "out.pdf"
    done = run(scan(tmp_path, pages=3), target, server, programs, "--jobs", "2", "-l", "chi_sim")
    assert done.returncode == 0, done.stderr
    assert [lines_in(target, number) for number in range(3)] == [LINES] * 3


def test_words_are_where_they_were_read(tmp_path: Path, server: str, programs: str) -> None:
    target = tmp_path / "out.pdf"
    assert run(scan(tmp_path), target, server, programs).returncode == 0
    data = ask(Address(server), IMAGE.read_bytes())
    first = {word["text"]: word["box"] for line in data["lines"] for word in line["words"]}
    with pypdfium2.PdfDocument(target) as document:
        page = document[0]
        height = page.get_size()[1]
        text = page.get_textpage()
        whole = text.get_text_range()
        for word in ("SEA", "BREEZE", "BOOKS", "海"):
            left, _, _, top = text.get_charbox(whole.index(word))
            assert left == pytest.approx(first[word][0][0] * 72 / DPI, abs=NEAR), word
            assert height - top < first[word][2][1] * 72 / DPI


def test_pages_are_rotated(tmp_path: Path, server: str, programs: str) -> None:
    target = tmp_path / "out.pdf"
    done = run(scan(tmp_path, rotation=90), target, server, programs, "--rotate-pages")
    assert done.returncode == 0, done.stderr
    with pypdfium2.PdfDocument(target) as document:
        width, height = document[0].get_size()
    with Image.open(IMAGE) as image:
        assert (width > height) == (image.width > image.height)
    # PDFium has the words of a rotated page in the order of its own coordinates.
    found = [sorted(line.split()) for line in lines_in(target)]
    assert found == [sorted(line.split()) for line in LINES]


def test_the_text_next_to_the_pdf(tmp_path: Path, server: str, programs: str) -> None:
    sidecar = tmp_path / "text"
    done = run(scan(tmp_path), tmp_path / "out.pdf", server, programs, "--sidecar", str(sidecar))
    assert done.returncode == 0, done.stderr
    assert sidecar.read_text().split("\n")[:3] == LINES


def test_a_server_that_is_not_there(tmp_path: Path, programs: str) -> None:
    environment = {"OCR_SERVER_TIMEOUT": "1"}
    os.environ.update(environment)
    try:
        done = run(scan(tmp_path), tmp_path / "out.pdf", "http://127.0.0.1:9", programs)
    finally:
        del os.environ["OCR_SERVER_TIMEOUT"]
    assert done.returncode != 0
    assert "the OCR server at http://127.0.0.1:9" in done.stderr


def test_the_image_is_what_the_tests_think() -> None:
    with Image.open(io.BytesIO(IMAGE.read_bytes())) as image:
        assert image.width > image.height
