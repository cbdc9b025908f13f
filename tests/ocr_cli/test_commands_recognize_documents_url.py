"""`ocr-server recognize --url` with documents: streamed page by page, and asked for again."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pikepdf
import pytest

from ocr_cli.recognize.remote_pages import listed
from server.intake.page_list import MOST_RANGES
from tests.ocr_cli.test_commands_recognize_url import HEALTH, recognize, said, scripted
from tests.support.cards import card_frames
from tests.support.live_server import LiveServer
from tests.support.made_pdfs import saved
from tests.support.pdfs import card_pdf
from tests.support.text_layers import in_pypdf


def chunked(*events: object, ends: bool = True) -> bytes:
    """An answer with these events."""
    lines = [json.dumps(event).encode() + b"\n" for event in events]
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(line), line) for line in lines)
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head + chunks + b"0\r\n\r\n" * ends


META = {"event": "meta", "kind": "pdf", "pages": 2, "page_count": 2, "md5": "0" * 32}


def page_event(number: int) -> dict[str, object]:
    return {"event": "page", "page": number, "source": "ocr", "dpi": 72, "width": 1, "height": 1,
            "lines": []}  # fmt: skip


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    path = tmp_path / "scan.pdf"
    path.write_bytes(card_pdf(["one", "fail", "three"]))
    return path


def test_a_document_is_read_by_a_server(
    wide: LiveServer, scan: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert recognize(wide.port, scan, "--output", out, "--format", "pdf,text,json") == 1
    assert "scan.pdf page 2: internal_error: " in capfd.readouterr().err
    assert (out / "scan.pdf.txt").read_text() == "one\f\fthree\n"
    assert [in_pypdf(out / "scan.ocr.pdf", each) for each in range(3)] == ["one", "", "three"]
    data = json.loads((out / "scan.pdf.json").read_text())["data"]
    assert (data["pages"][2]["source"], data["pages"][2]["dpi"]) == ("ocr", 72)
    wide.clear()
    assert recognize(wide.port, scan, "--output", out, "--format", "pdf,text,json") == 1
    assert "2 pages kept from before" in capfd.readouterr().err
    assert [wide.begun(text) for text in ("one", "fail", "three")] == [0, 1, 0]


def test_pages_and_a_password_are_sent(
    wide: LiveServer, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "password").write_text("swordfish")
    with pikepdf.open(io.BytesIO(card_pdf(["one", "two", "three"]))) as pdf:
        data = saved(pdf, encryption=pikepdf.Encryption(owner="o", user="swordfish"))
    (tmp_path / "secret.pdf").write_bytes(data)
    assert recognize(wide.port, tmp_path / "secret.pdf") == 1
    assert "give its password with --password" in capfd.readouterr().err
    arguments = ["--pages", "2-", "--password-file", tmp_path / "password"]
    assert recognize(wide.port, tmp_path / "secret.pdf", *arguments) == 0
    assert capfd.readouterr().out == "two\fthree\n"
    (tmp_path / "fax.tif").write_bytes(card_frames("TIFF", ["first", "second"]))
    assert recognize(wide.port, tmp_path / "fax.tif") == 0
    assert capfd.readouterr().out == "first\fsecond\n"


def test_a_stream_that_breaks_off_is_asked_for_the_rest(
    scan: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    draining = {"event": "error", "error": {"code": "draining", "message": "stopping"}}
    answers = [
        HEALTH,
        chunked(META, page_event(2), ends=False),
        chunked({**META, "pages": 1}, draining),
        chunked({**META, "pages": 1}, page_event(1), {"event": "end", "pages": 1, "failed": 0}),
    ]
    with scripted(answers) as port:
        assert recognize(port, scan, "--output", tmp_path / "a.json") == 0
    data = json.loads((tmp_path / "a.json").read_text())["data"]
    assert [page["page"] for page in data["pages"]] == [1, 2]
    assert "2 pages in " in capfd.readouterr().err


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (said(b"{}").replace(b"200 OK", b"413 Too Large"), "scan.pdf: http_413: "),
        (chunked({"event": "page"}), "scan.pdf: bad_answer: the answer does not match"),
        (chunked([1]), "scan.pdf: bad_answer: "),
        (chunked({**META, "page_count": "many"}), "scan.pdf: bad_answer: "),
    ],
)
def test_an_answer_that_is_none(
    scan: Path, answer: bytes, expected: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with scripted([HEALTH, answer]) as port:
        assert recognize(port, scan) == 1
    assert expected in capfd.readouterr().err


def test_pages_are_listed_in_ranges() -> None:
    assert listed([1, 2, 3, 5, 7, 8]) == "1-3,5,7-8"
    assert listed(range(1, 4 * MOST_RANGES, 2)).count(",") == MOST_RANGES - 1
