"""Writing PDFs: hostile sources, and processes that hang, crash or lose their parent."""

from __future__ import annotations

import asyncio
import contextlib
import io
import multiprocessing
import os
import signal
import subprocess
import sys
import zlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pikepdf
import pytest
from PIL import Image

from ocr_engine.errors import (
    DocumentBroken,
    DocumentEncrypted,
    EngineError,
    ImageTooComplex,
    InvalidImage,
)
from server.errors import PdfSigned, ServiceError
from server.formats.pdf import process
from server.formats.pdf.frames import send_page
from server.formats.pdf.order import PdfMode, RecognizedPage
from server.formats.pdf.process import write_pdf
from tests.support.cards import card
from tests.support.checkout import ROOT
from tests.support.error_replies import assert_error
from tests.support.live_server import LiveServer
from tests.support.made_pdfs import made_pdf, page_tree_loop, saved, signed_pdf
from tests.support.text_layers import chars_line, in_process, page_of_lines, stored, white_image
from tests.support.watching import wait_until

PAGE = page_of_lines([chars_line("a line", 10, 10)], 850, 1100)


@pytest.fixture(autouse=True)
def no_process_is_left() -> Iterator[None]:
    """Every process that wrote a PDF is gone after the test."""
    yield
    assert writers() == []


def writers() -> list[int]:
    """The processes that write PDFs."""
    return [
        each.pid
        for each in multiprocessing.active_children()
        if each.name == "ocr-pdf" and each.pid is not None
    ]


async def never_asked() -> AsyncIterator[RecognizedPage]:
    """Pages that nobody may ask for: recognizing them would be in vain."""
    raise AssertionError("a page was asked for")
    yield


def refused(source: bytes, folder: Path) -> EngineError | ServiceError:
    """The error for a PDF, before any of its pages is asked for."""
    path = folder / "source.pdf"
    path.write_bytes(source)
    target = folder / "target.pdf"
    with pytest.raises((EngineError, ServiceError)) as raised:
        asyncio.run(write_pdf(path, never_asked(), PdfMode(), target))
    error = raised.value
    assert isinstance(error, EngineError | ServiceError)
    assert not target.exists()
    assert str(folder) not in error.message
    return error


def encrypted(owner: str, user: str) -> bytes:
    return saved(made_pdf(), encryption=pikepdf.Encryption(owner=owner, user=user))


@pytest.mark.faults(107)
@pytest.mark.parametrize(
    "source",
    [
        b"%PDF-1.7\nand then nothing",
        b"%PDF-1.7\n%%EOF",
        page_tree_loop(),
        saved(pikepdf.Pdf.new()),
        saved(made_pdf())[:300],
    ],
    ids=["nonsense", "empty", "page tree loop", "no pages", "cut off"],
)
def test_a_broken_pdf(source: bytes, tmp_path: Path) -> None:
    error = refused(source, tmp_path)
    assert isinstance(error, DocumentBroken)
    assert error.message.startswith("the PDF is broken")


@pytest.mark.faults(107)
def test_a_page_that_does_not_exist(tmp_path: Path) -> None:
    path = tmp_path / "source.pdf"
    path.write_bytes(saved(made_pdf()))
    with pytest.raises(DocumentBroken, match="no page 2"):
        asyncio.run(in_process(path, [PAGE, PAGE]))


@pytest.mark.faults(107)
def test_a_page_with_broken_content(tmp_path: Path) -> None:
    path = tmp_path / "source.pdf"
    path.write_bytes(saved(made_pdf(b"q BT 3 Tr (never closed \xff\x00 [[[ << /A")))
    made = asyncio.run(in_process(path, [PAGE]))
    with pikepdf.open(io.BytesIO(made.data)) as pdf:
        assert len(pdf.pages) == 1


@pytest.mark.faults(108)
@pytest.mark.parametrize(("owner", "user"), [("o", "u"), ("o", "")])
def test_an_encrypted_pdf(owner: str, user: str, tmp_path: Path) -> None:
    assert isinstance(refused(encrypted(owner, user), tmp_path), DocumentEncrypted)


@pytest.mark.faults(108)
def test_a_signed_pdf(tmp_path: Path) -> None:
    assert isinstance(refused(signed_pdf(), tmp_path), PdfSigned)


@pytest.mark.faults(108)
def test_a_form_whose_fields_contain_themselves(tmp_path: Path) -> None:
    pdf = made_pdf()
    field = pdf.make_indirect(pikepdf.Dictionary(T="loop"))
    field.Kids = pikepdf.Array([field, field])
    pdf.Root.AcroForm = pikepdf.Dictionary(Fields=pikepdf.Array([field]))
    path = tmp_path / "source.pdf"
    path.write_bytes(saved(pdf))
    assert asyncio.run(in_process(path, [PAGE])).data.startswith(b"%PDF")


@pytest.mark.faults(109)
def test_writing_takes_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "STEP_SECONDS", 0.5)
    with pytest.raises(InvalidImage, match=r"longer than \d+ s"):
        asyncio.run(_with_signal(signal.SIGSTOP))


@pytest.mark.faults(110)
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
def test_the_process_is_killed(number: signal.Signals) -> None:
    with pytest.raises(InvalidImage, match="has crashed"):
        asyncio.run(_with_signal(number))


async def _with_signal(number: signal.Signals) -> None:
    """Write a PDF whose process gets a signal before the first page."""

    async def pages() -> AsyncIterator[RecognizedPage]:
        (writer,) = writers()
        os.kill(writer, number)
        if number != signal.SIGSTOP:
            await asyncio.to_thread(wait_until, lambda: not writers(), "its end")
        yield RecognizedPage(1, stored(PAGE))

    await write_pdf(white_image(), pages(), PdfMode())


@pytest.mark.faults(110)
def test_the_server_answers_others_while_one_is_killed(
    wide: LiveServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def send_and_kill(channel: Any, page: RecognizedPage) -> None:
        for writer in writers():
            os.kill(writer, signal.SIGKILL)
        with contextlib.suppress(BrokenPipeError):
            send_page(channel, page)

    monkeypatch.setattr("server.formats.pdf.process.send_page", send_and_kill)
    reply = wide.upload(card("killed"), format="pdf")
    assert_error(reply, 422, "invalid_image", "has crashed")
    monkeypatch.undo()
    assert wide.upload(card("killed"), format="pdf").status == 200
    assert wide.begun("killed") == 1


@pytest.mark.faults(111)
def test_whoever_waits_for_it_leaves() -> None:
    async def leave() -> None:
        started = asyncio.Event()

        async def pages() -> AsyncIterator[RecognizedPage]:
            started.set()
            await asyncio.Event().wait()
            yield RecognizedPage(1, stored(PAGE))

        writing = asyncio.ensure_future(write_pdf(white_image(), pages(), PdfMode()))
        await started.wait()
        assert len(writers()) == 1
        writing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await writing
        assert writers() == []

    asyncio.run(leave())


@pytest.mark.faults(111)
def test_pages_that_fail_end_it() -> None:
    async def pages() -> AsyncIterator[RecognizedPage]:
        yield RecognizedPage(1, stored(PAGE))
        raise OSError("the storage is gone")

    with pytest.raises(OSError, match="storage is gone"):
        asyncio.run(write_pdf(white_image(), pages(), PdfMode()))


ORPHAN = """
import asyncio, multiprocessing, sys
from pathlib import Path
from server.formats.pdf.order import PdfMode
from server.formats.pdf.process import write_pdf

async def pages():
    print(multiprocessing.active_children()[0].pid, flush=True)
    await asyncio.sleep(600)
    yield

if __name__ == "__main__":
    asyncio.run(write_pdf(Path(sys.argv[1]).read_bytes(), pages(), PdfMode()))
"""


@pytest.mark.faults(111)
def test_its_parent_is_killed(tmp_path: Path) -> None:
    (tmp_path / "white.png").write_bytes(white_image(10, 10))
    (tmp_path / "orphan.py").write_text(ORPHAN)
    parent = subprocess.Popen(
        [sys.executable, tmp_path / "orphan.py", tmp_path / "white.png"],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert parent.stdout is not None
    writer = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    parent.stdout.close()
    wait_until(lambda: not is_running(writer), "the end of the orphan")


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.faults(112)
def test_writing_needs_too_much_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "MEMORY_MB", 400)
    large = io.BytesIO()
    Image.new("RGB", (7000, 6000), "white").save(large, "PNG")
    with pytest.raises(ImageTooComplex, match="more memory"):
        asyncio.run(in_process(large.getvalue(), [PAGE]))


@pytest.mark.faults(112)
def test_a_page_with_far_too_much_content_keeps_its_own_text(tmp_path: Path) -> None:
    pdf = made_pdf()
    packed = zlib.compress(b"BT 3 Tr (x) Tj ET " * (60_000_000 // 18), 9)
    pdf.pages[0].obj.Contents = pdf.make_stream(packed, Filter=pikepdf.Name.FlateDecode)
    path = tmp_path / "bomb.pdf"
    pdf.save(path)
    made = asyncio.run(in_process(path, [PAGE]))
    with pikepdf.open(io.BytesIO(made.data)) as found:
        assert [each.read_raw_bytes() == packed for each in found.pages[0].obj.Contents] == [
            False,
            True,
        ]


@pytest.mark.faults(112)
def test_the_file_would_be_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "LARGEST_FACTOR", 0)
    monkeypatch.setattr(process, "LARGEST_REST", 1000)
    path, target = tmp_path / "source.pdf", tmp_path / "target.pdf"
    path.write_bytes(saved(made_pdf()))
    with pytest.raises(DocumentBroken):
        asyncio.run(in_process(path, [PAGE], target=target))
