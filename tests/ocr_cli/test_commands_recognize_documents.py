"""`ocr-server recognize` with documents: formats, pages, passwords, what is skipped, messages."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pikepdf
import pytest
from PIL import Image

from tests.support.cards import card, card_frames
from tests.support.checkout import IMAGES, ROOT
from tests.support.made_pdfs import saved, signed_pdf
from tests.support.pdfs import PdfWriter, card_page, card_pdf, pdf_of, text_page
from tests.support.recognize_process import Run, begun, recognize_command, results
from tests.support.terminals import run_in_terminal
from tests.support.text_layers import in_pypdf


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    path = tmp_path / "scan.pdf"
    path.write_bytes(card_pdf(["one", "two", "three"]))
    return path


def texts_of(path: Path) -> list[str]:
    """The text of each page of a PDF."""
    with pikepdf.open(path) as pdf:
        pages = len(pdf.pages)
    return [in_pypdf(path, number) for number in range(pages)]


def encrypted(data: bytes, password: str) -> bytes:
    with pikepdf.open(io.BytesIO(data)) as pdf:
        return saved(pdf, encryption=pikepdf.Encryption(owner="o", user=password))


# --- what is written


def test_one_command_from_a_pdf_to_a_searchable_pdf(run: Run, scan: Path, tmp_path: Path) -> None:
    before = set(os.listdir(tmp_path))
    done = run("scan.pdf", "--output", "searchable.pdf")
    assert (done.returncode, done.stdout) == (0, b"")
    assert re.match(rb"recognized 1 of 1 file, 3 pages in [\d.]+ s \([\d.]+ pages/s\)", done.stderr)
    assert texts_of(tmp_path / "searchable.pdf") == ["one", "two", "three"]
    assert set(os.listdir(tmp_path)) - before == {"searchable.pdf"}


def test_real_models_read_a_scan_in_two_languages(tmp_path: Path) -> None:
    pages = [Image.open(IMAGES / f"document_{name}") for name in ("en_letter.png", "zh_farm.jpg")]
    first, second = (page.convert("RGB") for page in pages)
    scan, made = tmp_path / "scan.pdf", tmp_path / "made.pdf"
    first.save(scan, save_all=True, append_images=[second], resolution=150)
    command = [sys.executable, "-m", "server", "recognize", str(scan), "--output", str(made)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    english, chinese = texts_of(made)
    assert "Dear Mrs Pellworth," in english.splitlines()
    assert "秋收简报" in chinese.splitlines()


def test_several_formats_from_one_reading(
    run: Run, scan: Path, tmp_path: Path, journal: Path
) -> None:
    (tmp_path / "photo.png").write_bytes(card("photo"))
    formats = "pdf,pdfa,text,json,markdown,hocr"
    done = run("scan.pdf", "photo.png", "--output", "out", "--format", formats, "--draw")
    assert done.returncode == 0, done.stderr
    assert b"scan.pdf: no boxes drawn: --draw is for single images\n" in done.stderr
    out = tmp_path / "out"
    assert texts_of(out / "scan.ocr.pdf") == texts_of(out / "scan.pdfa.pdf")
    assert texts_of(out / "photo.png.pdf") == texts_of(out / "photo.png.pdfa.pdf") == ["photo"]
    assert (out / "scan.pdf.txt").read_text() == "one\ftwo\fthree\n"
    assert (out / "scan.pdf.md").read_text().count("<!-- page ") == 3
    assert 'title=\'image "scan.pdf"' in (out / "scan.pdf.hocr").read_text().replace("&quot;", '"')
    data = json.loads((out / "scan.pdf.json").read_text())
    assert (data["file"], data["status"], data["data"]["page_count"]) == ("scan.pdf", "success", 3)
    assert data["data"]["pages"][1]["text"] == "two"
    assert sorted(begun(journal)) == ["one", "photo", "three", "two"]
    assert [path.name for path in out.glob("*.png")] == ["photo.png.boxes.png"]


def test_results_alongside_the_files_are_no_files_to_read(
    run: Run, tmp_path: Path, journal: Path
) -> None:
    folder = tmp_path / "scans"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.pdf").write_bytes(card_pdf(["a"]))
    (folder / "sub" / "b.png").write_bytes(card("b"))
    for _ in range(2):
        done = run("scans", "--alongside", "--output-type", "pdf")
        assert done.returncode == 0
    assert b"nothing to do, 2 already done" in done.stderr
    assert b"skipped" not in done.stderr
    assert texts_of(folder / "a.ocr.pdf") == ["a"]
    assert texts_of(folder / "sub" / "b.png.pdf") == ["b"]
    assert sorted(begun(journal)) == ["a", "b"]


def test_chosen_pages_on_standard_output(run: Run, scan: Path, journal: Path) -> None:
    done = run("scan.pdf", "--pages", "2-")
    assert (done.returncode, done.stdout) == (0, b"two\fthree\n")
    assert "one" not in begun(journal)
    done = run("scan.pdf", "--pages", "2,7")
    assert done.returncode == 1
    assert b"scan.pdf: bad_pages: pages = 2,7: the document has 3 pages" in done.stderr


def test_all_pages_of_an_image_of_several(run: Run, tmp_path: Path) -> None:
    (tmp_path / "fax.tif").write_bytes(card_frames("TIFF", ["first", "second"]))
    (tmp_path / "moving.gif").write_bytes(card_frames("GIF", ["third", "fourth"]))
    (tmp_path / "single.tif").write_bytes(card_frames("TIFF", ["single"]))
    files = ("fax.tif", "moving.gif", "single.tif")
    assert run(*files, "--output", "out", "--format", "pdf,text,json").returncode == 0
    out = tmp_path / "out"
    assert (out / "fax.tif.txt").read_text() == "first\fsecond\n"
    assert texts_of(out / "fax.tif.pdf") == ["first", "second"]
    assert texts_of(out / "moving.gif.pdf") == ["third", "fourth"]
    single = json.loads((out / "single.tif.json").read_text())
    assert single["data"]["lines"][0]["text"] == "single"


def test_a_pdf_from_standard_input(run: Run, tmp_path: Path) -> None:
    done = run("-", "--format", "pdf", given=card_pdf(["piped", "pages"]))
    (tmp_path / "made.pdf").write_bytes(done.stdout)
    assert texts_of(tmp_path / "made.pdf") == ["piped", "pages"]


def test_a_page_with_text_of_its_own_keeps_it(run: Run, tmp_path: Path, journal: Path) -> None:
    writer = PdfWriter()
    pages = [card_page(writer, "drawn"), text_page(["Typed by somebody."])]
    (tmp_path / "mixed.pdf").write_bytes(pdf_of(pages, writer))
    assert run("mixed.pdf", "--output", "made.pdf").returncode == 0
    assert texts_of(tmp_path / "made.pdf") == ["drawn", "Typed by somebody."]
    assert begun(journal) == ["drawn"]
    assert run("mixed.pdf", "--text-layer", "only").stdout == b"\fTyped by somebody.\n"


# --- what fails


def test_a_bad_page_costs_only_itself_and_is_tried_again(
    run: Run, tmp_path: Path, journal: Path
) -> None:
    (tmp_path / "scan.pdf").write_bytes(card_pdf(["one", "fail", "three"]))
    command = ("scan.pdf", "--output", "out", "--format", "pdf,text,json")
    done = run(*command)
    assert done.returncode == 1
    errors = done.stderr.decode()
    assert "scan.pdf page 2: internal_error: " in errors
    assert "recognized 1 of 1 file, 2 pages in " in errors
    assert "1 page failed" in errors
    out = tmp_path / "out"
    assert texts_of(out / "scan.ocr.pdf") == ["one", "", "three"]
    assert (out / "scan.pdf.txt").read_text() == "one\f\fthree\n"
    data = json.loads((out / "scan.pdf.json").read_text())
    assert (data["status"], data["data"]["pages"][1]["error"]["code"]) == (
        "partial",
        "internal_error",
    )
    journal.write_text("")
    again = run(*command)
    assert again.returncode == 1
    assert b"2 pages kept from before" in again.stderr
    assert begun(journal) == ["fail"]


def test_a_document_without_any_result_writes_nothing(run: Run, tmp_path: Path) -> None:
    (tmp_path / "bad.pdf").write_bytes(card_pdf(["fail", "fail"]))
    (tmp_path / "cut.pdf").write_bytes(b"%PDF-1.7 is all")
    done = run("bad.pdf", "cut.pdf", "--output", "out", "--format", "pdf,text")
    assert done.returncode == 1
    assert b"bad.pdf: internal_error: " in done.stderr
    assert b"cut.pdf: pdf_broken: " in done.stderr
    assert b"recognized 0 of 2 files, 0 pages" in done.stderr
    assert os.listdir(tmp_path / "out") == [".ocr-server.jsonl"]


def test_a_signed_pdf_is_refused_before_it_is_read(run: Run, tmp_path: Path, journal: Path) -> None:
    (tmp_path / "contract.pdf").write_bytes(signed_pdf())
    done = run("contract.pdf", "--output", "made.pdf")
    assert done.returncode == 1
    assert b"contract.pdf: pdf_signed: the PDF is signed, and writing it again" in done.stderr
    assert (begun(journal), (tmp_path / "made.pdf").exists()) == ([], False)
    done = run("contract.pdf", "--output", "out", "--format", "pdf,text")
    assert done.returncode == 1
    assert b"contract.pdf: pdf_signed: no pdf: the PDF is signed" in done.stderr
    assert (tmp_path / "out" / "contract.pdf.txt").read_text() == "\n"
    assert not list((tmp_path / "out").glob("*.pdf"))


# --- passwords


def test_an_encrypted_document_and_its_password(run: Run, tmp_path: Path) -> None:
    (tmp_path / "secret.pdf").write_bytes(encrypted(card_pdf(["a secret"]), "swordfish"))
    (tmp_path / "right").write_text("swordfish\nnot this\n")
    done = run("secret.pdf")
    assert done.returncode == 1
    assert b"secret.pdf: pdf_encrypted: the document is encrypted; give its" in done.stderr
    assert b"--password-file FILE" in done.stderr
    done = run("secret.pdf", "--password-file", "right")
    assert (done.returncode, done.stdout) == (0, b"a secret\n")
    done = run("secret.pdf", "--password-file", "right", "--output", "made.pdf")
    assert done.returncode == 1
    assert b"pdf_encrypted: the PDF is encrypted, and would not be any more" in done.stderr


# --- folders of mixed files


def test_a_folder_of_mixed_files_says_what_it_skips(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "mixed"
    folder.mkdir()
    (folder / "a.pdf").write_bytes(card_pdf(["a"]))
    (folder / "b.png").write_bytes(card("b"))
    (folder / "notes.txt").write_text("no image")
    (folder / "sheet.ods").write_bytes(b"PK\x03\x04")
    done = run("mixed", "--output", "out")
    assert done.returncode == 0
    lines = done.stderr.decode().splitlines()
    assert lines[:2] == [
        "mixed/notes.txt: skipped, it is neither an image nor a document",
        "mixed/sheet.ods: skipped, it is neither an image nor a document",
    ]
    assert lines[2].startswith("recognized 2 of 2 files, 2 pages in ")
    assert results(tmp_path / "out") == {"a.pdf.txt": "a\n", "b.png.txt": "b\n"}


def test_many_skipped_files_are_counted(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "mixed"
    folder.mkdir()
    (folder / "b.png").write_bytes(card("b"))
    for number in range(23):
        (folder / f"{number}.log").touch()
    errors = run("mixed", "--output", "out").stderr.decode()
    assert errors.count(": skipped, ") == 20
    assert "\n3 more files skipped, which are neither images nor documents\n" in errors


# --- messages


def test_the_terminal_shows_how_far_it_is_and_asks_for_the_password(
    tmp_path: Path, journal: Path
) -> None:
    (tmp_path / "secret.pdf").write_bytes(encrypted(card_pdf(["take 0.3", "b"]), "swordfish"))
    command = [*recognize_command(journal), str(tmp_path / "secret.pdf"), "--password"]
    shown = run_in_terminal(command, 80, typed=(b"documents: ", b"swordfish\n"))
    assert shown.status == 0
    assert "Password of the documents: " in shown.output
    assert "swordfish" not in shown.output
    assert re.search(r"recognize [━─]{8,24} +\d+%  \d/2 pages  [\d.]+ pages/s", shown.output)
    assert all(len(line) < 80 for line in shown.lines())
    assert "100%  opening" not in shown.output


def test_the_progress_of_several_files_names_the_document(tmp_path: Path, journal: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(card_pdf(["take 0.4", "take 0.4 more"]))
    (tmp_path / "b.png").write_bytes(card("b"))
    files = [str(tmp_path / name) for name in ("a.pdf", "b.png")]
    command = [*recognize_command(journal), *files, "--output", str(tmp_path / "out")]
    shown = run_in_terminal(command, 100)
    assert shown.status == 0
    assert re.search(r"\d+%  [01]/2 files  [\d.]+ pages/s .*[01]/2 a\.pdf", shown.output)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["scan.pdf", "--output", "scan.pdf"], "scan.pdf would be overwritten by its own result"),
        (["scan.pdf", "b.png", "--output", "a.pdf"], "2 files cannot be written to a.pdf"),
        (["scan.pdf", "--output", "no/a.pdf"], "cannot write to no/a.pdf: there is no folder no"),
        (["scan.pdf", "--format", "doc"], "'doc': accepted are json, text, "),
        (["scan.pdf", "--format", "pdf,text"], "set their folder with --output DIR"),
        (["scan.pdf", "--pages", "3-1"], "such as 1-3,7,10-"),
        (["scan.pdf", "--dpi", "20"], "'20': expected an integer from 72 to 600"),
        (["scan.pdf", "--password"], "asks on the terminal, and there is none; use --password-f"),
        (["scan.pdf", "--password-file", "none"], "--password-file none: No such file"),
        (["scan.pdf", "--alongside", "--output", "out"], "--alongside exclude each other"),
        (["-", "--alongside"], "standard input has no folder; use --output DIR"),
        (["scan.pdf", "scan", "--output", "out", "--format", "pdfa"],
         "scan.pdf and scan would both be written to out/scan.pdfa.pdf"),
    ],
)  # fmt: skip
def test_why_it_cannot_start(
    run: Run, scan: Path, tmp_path: Path, arguments: list[str], expected: str
) -> None:
    (tmp_path / "b.png").write_bytes(card("b"))
    (tmp_path / "scan").write_bytes(card("scan"))
    done = run(*arguments)
    errors = done.stderr.decode()
    assert (done.returncode, done.stdout) == (2, b"")
    assert expected in errors.splitlines()[-1]
    assert "Traceback" not in errors
