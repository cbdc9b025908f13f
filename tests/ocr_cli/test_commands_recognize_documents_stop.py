"""Stopping `ocr-server recognize` in a document: what is done is not read again."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.support.pdfs import card_pdf
from tests.support.recognize_process import Run, begun, recognize_command
from tests.support.text_layers import in_pypdf
from tests.support.watching import is_alive, wait_until, worker_processes

TEXTS = ["one", "two", "three", "held", "five", "six", "seven"]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT], ids=["kill -9", "Ctrl-C"])
def test_only_the_missing_page_is_read_by_the_next_run(
    run: Run, journal: Path, tmp_path: Path, gate: Path, number: signal.Signals
) -> None:
    texts = [f"hold {gate}" if text == "held" else text for text in TEXTS]
    (tmp_path / "scan.pdf").write_bytes(card_pdf(texts))
    arguments = ["scan.pdf", "--output", "out", "--format", "pdf,text", "--workers", "2"]
    process = subprocess.Popen(
        [*recognize_command(journal), *arguments], cwd=tmp_path, stderr=subprocess.PIPE, text=True
    )
    pages = tmp_path / "out" / ".scan.pdf.pages"

    def kept() -> int:
        return pages.read_bytes().count(b'{"page":') if pages.exists() else 0

    wait_until(lambda: kept() == len(TEXTS) - 1, "all pages but one")
    children = worker_processes(process.pid)
    process.send_signal(number)
    _, errors = process.communicate(timeout=10)
    if number == signal.SIGINT:
        assert process.returncode == 130
        assert errors.endswith("interrupted; run the same command again to resume\n")
        assert not (tmp_path / "out" / ".scan.ocr.pdf.part").exists()
    wait_until(lambda: not any(map(is_alive, children)), "no process left")
    gate.unlink()
    journal.write_text("")
    done = run(*arguments)
    assert done.returncode == 0
    assert b"recognized 1 of 1 file, 1 page in " in done.stderr
    assert b"6 pages kept from before" in done.stderr
    assert begun(journal) == [f"hold {gate}"]
    out = tmp_path / "out"
    assert (out / "scan.pdf.txt").read_text() == "\f".join(texts) + "\n"
    assert in_pypdf(out / "scan.ocr.pdf").split("\n")[0] == "one"
    names = {".ocr-server.jsonl", "scan.pdf.txt", "scan.ocr.pdf"}
    assert set(os.listdir(out)) == names
