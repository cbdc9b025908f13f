"""`ocr-server recognize --format pdf`: images become searchable PDFs."""

from __future__ import annotations

import io
from pathlib import Path

from pikepdf import pdfa

from tests.support.cards import card
from tests.support.live_server import LiveServer
from tests.support.recognize_process import Run
from tests.support.text_layers import in_pypdf

DATA = Path(__file__).parents[1] / "data" / "pages"
TEXTS = {"page2.png": "two", "page10.png": "ten", "sub/page1.png": "one"}


def test_each_image_gets_a_pdf(run: Run, scans: Path, tmp_path: Path) -> None:
    (scans / "page3.png").write_bytes(card("broken")[:60])
    done = run("scans", "--format", "pdf", "--output", "out")
    assert done.returncode == 1
    assert b"page3.png: invalid_image: " in done.stderr
    for name, text in TEXTS.items():
        assert in_pypdf(tmp_path / "out" / f"{name}.pdf") == text


def test_one_pdf_goes_to_standard_output(run: Run, scans: Path) -> None:
    done = run("scans/page2.png", "--format", "pdfa", "--quiet")
    assert (done.returncode, done.stderr) == (0, b"")
    assert in_pypdf(done.stdout) == "two"
    assert pdfa.validate_written(io.BytesIO(done.stdout), "2b").passed


def test_it_says_what_a_pdfa_could_not_have(run: Run, tmp_path: Path) -> None:
    image = tmp_path / "four colours.jpg"
    image.write_bytes((DATA / "special_sign_cmyk.jpg").read_bytes())
    done = run(image.name, "--format", "pdfa", "--output", "out")
    assert b"four colours.jpg: converted: four colours to three\n" in done.stderr
    assert (tmp_path / "out" / "four colours.jpg.pdfa.pdf").is_file()


def test_images_that_a_server_reads(run: Run, scans: Path, wide: LiveServer) -> None:
    url = f"http://127.0.0.1:{wide.port}"
    done = run("scans/page2.png", "--format", "pdf", "--url", url, "--quiet")
    assert (done.returncode, done.stderr) == (0, b"")
    assert in_pypdf(done.stdout) == "two"
