"""Documents as jobs: progress by page, results in any format, what a crash costs."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import sqlite3
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pikepdf
import pytest

from tests.support.http_client import Client, Reply
from tests.support.live_server import LiveServer
from tests.support.pdfs import PdfWriter, card_page, card_pdf, page_tree_loop, pdf_of
from tests.support.server_process import ServerProcess
from tests.support.watching import wait_until


def started(server: Client, pdf: bytes, **fields: str) -> dict[str, Any]:
    """A job for a document."""
    reply = server.upload(pdf, block_flag="false", **fields)
    assert reply.status == 202, reply.body
    job: dict[str, Any] = reply.json["job"]
    return job


def state_of(server: Client, job: dict[str, Any]) -> dict[str, Any]:
    for listed in server.get("/jobs?limit=100").json["jobs"]:
        if listed["id"] == job["id"]:
            found: dict[str, Any] = listed
            return found
    raise AssertionError("the job is not listed")


def ended(server: Client, job: dict[str, Any]) -> dict[str, Any]:
    wait_until(lambda: state_of(server, job)["state"] in ("done", "failed"), "the end of the job")
    return state_of(server, job)


def result_of(server: Client, job: dict[str, Any], query: str = "") -> Reply:
    return server.get(f"{job['url']}/result{query}")


def test_progress_and_results_in_every_format(documents: LiveServer, gate: Path) -> None:
    writer = PdfWriter()
    texts = ["job page 1", "fail", f"hold {gate} job page 3"]
    pdf = pdf_of([card_page(writer, text) for text in texts], writer)
    job = started(documents, pdf)
    assert job["progress"] == {"pages_total": 3, "pages_done": 0, "pages_failed": 0}
    wait_until(
        lambda: (
            state_of(documents, job)["progress"]
            == {"pages_total": 3, "pages_done": 1, "pages_failed": 1}
        ),
        "the first two pages",
    )
    assert state_of(documents, job)["state"] == "running"
    assert result_of(documents, job).code == "not_finished"
    gate.unlink()
    done = ended(documents, job)
    assert (done["state"], done["progress"]["pages_done"]) == ("done", 2)
    body = result_of(documents, job).json
    assert body["status"] == "partial"
    first, second, third = body["data"]["pages"]
    assert (first["text"], third["page"]) == ("job page 1", 3)
    assert second["error"]["code"] == "internal_error"
    assert body["job"]["id"] == job["id"]
    begun = documents.begun("job page 1")
    assert result_of(documents, job, "?format=text").body.startswith(b"job page 1\f\fhold")
    events = result_of(documents, job, "?format=ndjson").body.splitlines()
    assert [json.loads(line)["event"] for line in events] == [
        "meta", "page", "page_error", "page", "end",
    ]  # fmt: skip
    for format in ("markdown", "tsv", "hocr", "alto"):
        assert b"job page 1" in result_of(documents, job, f"?format={format}").body.replace(
            b"\t", b" "
        ) or format in ("tsv", "hocr", "alto")
    assert result_of(documents, job, "?format=legacy").code == "bad_field"
    assert documents.get(job["url"]).json["data"]["page_count"] == 3
    assert documents.begun("job page 1") == begun


def test_more_pages_than_a_request_may_wait_for(documents: LiveServer) -> None:
    job = started(documents, card_pdf([f"long {number}" for number in range(12)]), pages="1-11")
    assert ended(documents, job)["progress"]["pages_done"] == 11
    pages = result_of(documents, job).json["data"]["pages"]
    assert [page["text"] for page in pages] == [f"long {number}" for number in range(11)]


def test_what_is_wrong_is_said_at_once(documents: LiveServer) -> None:
    for data, fields, status, code in (
        (b"%PDF-1.7 is all", {}, 422, "pdf_broken"),
        (card_pdf(["a"]), {"pages": "3"}, 400, "bad_pages"),
        (card_pdf(["a"] * 41), {}, 413, "too_many_pages"),
        (card_pdf(["a"]), {"format": "image"}, 400, "bad_field"),
    ):
        reply = documents.upload(data, block_flag="false", **fields)
        assert (reply.status, reply.code) == (status, code)


def test_a_document_without_a_page_that_can_be_read_is_a_failed_job(
    documents: LiveServer,
) -> None:
    job = started(documents, page_tree_loop())
    failed = ended(documents, job)
    assert (failed["state"], failed["error"]["code"]) == ("failed", "page_failed")
    assert result_of(documents, job).status == 422


def test_each_page_is_an_event(documents: LiveServer, gate: Path) -> None:
    job = started(documents, card_pdf(["event 1", f"hold {gate} event 2"]))
    wait_until(lambda: state_of(documents, job)["progress"]["pages_done"] == 1, "one page")
    gate.unlink()
    events = documents.get(f"{job['url']}/events").body.decode()
    kinds = [line.removeprefix("event: ") for line in events.splitlines() if "event: " in line]
    assert kinds[-1] == "end"
    assert "page" in kinds


@contextlib.contextmanager
def database_of(server: LiveServer) -> Iterator[sqlite3.Connection]:
    with contextlib.closing(sqlite3.connect(server.images.parent / "ocr.sqlite3")) as connection:
        yield connection


def blobs_of(server: LiveServer) -> set[str]:
    folder = server.images.parent / "blobs"
    return {path.name for path in folder.iterdir()} if folder.exists() else set()


@pytest.mark.faults(105)
def test_a_cancelled_document_stops_and_leaves_nothing(documents: LiveServer, gate: Path) -> None:
    before = blobs_of(documents)
    job = started(documents, card_pdf(["first", *[f"hold {gate} {n}" for n in range(8)]]))
    wait_until(lambda: state_of(documents, job)["progress"]["pages_done"] == 1, "one page")
    wait_until(lambda: documents.running() == 2, "two pages are being read")
    assert documents.request("DELETE", job["url"]).status == 204
    wait_until(lambda: documents.queued() == 0, "nothing waits")
    gate.unlink()
    documents.check_whole()
    assert sum(documents.begun(f"hold {gate} {n}") for n in range(8)) == 2
    wait_until(lambda: blobs_of(documents) == before, "its files are deleted")


def test_the_input_stays_as_long_as_the_result(documents: LiveServer) -> None:
    before = blobs_of(documents)
    job = started(documents, card_pdf(["kept 1", "kept 2"]))
    ended(documents, job)
    assert len(blobs_of(documents) - before) == 3  # the document and two pages
    assert documents.request("DELETE", f"{job['url']}?erase=true").status == 204
    assert blobs_of(documents) == before


@pytest.mark.faults(106)
def test_the_password_of_a_job_is_kept_only_until_its_end(
    documents: LiveServer, gate: Path
) -> None:
    written = io.BytesIO()
    with pikepdf.open(io.BytesIO(card_pdf([f"hold {gate} secret"]))) as pdf:
        pdf.save(written, encryption=pikepdf.Encryption(owner="o", user="swordfish"))
    job = started(documents, written.getvalue(), password="swordfish")
    gate.unlink()
    assert ended(documents, job)["state"] == "done"
    assert "secret" in result_of(documents, job).text
    with database_of(documents) as connection:
        (request,) = connection.execute(
            "SELECT request FROM job WHERE id = ?", (job["id"],)
        ).fetchone()
    assert "swordfish" not in request
    assert '"document"' in request


WORKERS = 2
SETTINGS: dict[str, Any] = {
    "ocr": {"process": {"number": WORKERS, "timeout_seconds": 20}},
    "documents": {"page_seconds": 10},
}
PAGES = 24


@pytest.mark.slow
@pytest.mark.faults(103)
def test_a_killed_server_costs_only_the_pages_in_flight(tmp_path: Path) -> None:
    texts = [f"take 0.05 page {number}" for number in range(1, PAGES + 1)]
    state = {"XDG_STATE_HOME": str(tmp_path / "state")}
    first = ServerProcess(tmp_path, SETTINGS, fakes=True, environment=state)
    with first as server:
        job = started(server, card_pdf(texts))
        wait_until(
            lambda: state_of(server, job)["progress"]["pages_done"] >= PAGES // 2, "half of it"
        )
        os.kill(server.pid, signal.SIGKILL)
        wait_until(lambda: not server.is_running, "the server is dead")
    kept = sum(" end " in line for line in first.journal.read_text().splitlines())
    again = ServerProcess(tmp_path, SETTINGS, fakes=True, environment=state)
    with again as server:
        done = ended(server, job)
        assert (done["state"], done["progress"]["pages_done"]) == ("done", PAGES)
        pages = result_of(server, job).json["data"]["pages"]
    assert [page["text"] for page in pages] == texts
    begun = Counter(
        line.split(" begin ")[1]
        for line in again.journal.read_text().splitlines()
        if " begin take" in line
    )
    twice = sum(count - 1 for count in begun.values())
    assert twice <= 2 * WORKERS + 2, kept  # so many may be read and not stored yet


@pytest.mark.slow
@pytest.mark.faults(104)
def test_killed_workers_and_renderers_cost_no_page(tmp_path: Path) -> None:
    texts = [f"take 0.05 page {number}" for number in range(1, PAGES + 1)]
    state = {"XDG_STATE_HOME": str(tmp_path / "state")}
    with ServerProcess(tmp_path, SETTINGS, fakes=True, environment=state) as server:
        job = started(server, card_pdf(texts))
        wait_until(lambda: state_of(server, job)["progress"]["pages_done"] >= 4, "some pages")
        for renderer in server.health()["renderers"]:
            os.kill(renderer["pid"], signal.SIGKILL)
        os.kill(server.worker_pids()[0], signal.SIGKILL)
        done = ended(server, job)
        assert (done["state"], done["progress"]["pages_done"]) == ("done", PAGES)
        pages = result_of(server, job).json["data"]["pages"]
        assert [page["text"] for page in pages] == texts
