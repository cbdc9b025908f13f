"""Reads a long scan with real models: speed, memory, streams, and what is lost when things die.

    python benchmarks/documents.py [--pages 1000] [--lines 30] [--workers 2] [--seconds 1500]
                                   [--only NAME]

Parts: `speed` (the same pages as JPEGs, as a document of JPEGs, drawn, and again from the cache),
`cancel`, `kills` (a renderer, a worker and the server in the middle of a job), `fair` (20 documents
next to single images), `peer` (OCRmyPDF with Tesseract on the same scan). A part that would begin
after --seconds is left out, and the result says so. Exit status 1 if a check failed. Nothing else
may run on the machine.
"""

from __future__ import annotations

import io
import json
import os
import signal
import socket
import sys
import tempfile
import threading
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from documents_peer import check_peer
from PIL import Image, ImageDraw, ImageFont
from server_under_test import ROOT, Verdict
from uploads import varied

from tests.support.http_client import KeptConnection, Part, multipart
from tests.support.pdfs import PdfPage, PdfWriter, jpeg_page, pdf_of
from tests.support.server_process import ServerProcess
from tests.support.watching import rss_mb, wait_until

A4 = (1240, 1754)  # pixels at 150 dpi
DISTINCT = 8
LINES = 30
FIRST_SECONDS = 1.5
MAX_GROWTH_MB = 150
LEAST_EMBEDDED, LEAST_DRAWN = 0.90, 0.80
MOST_AGAIN = 0.05
DOCUMENTS = 20
WAIT_SECONDS = 900.0
Jpegs = list[bytes]
FONT = "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"


def scans(lines: int) -> list[bytes]:
    """Pages with so many lines of text, as JPEGs."""
    words = (ROOT / "LICENSE").read_text().split()
    font = ImageFont.truetype(FONT, 24) if Path(FONT).exists() else ImageFont.load_default(24)
    found = []
    for number in range(DISTINCT):
        image = Image.new("L", A4, 250)
        draw = ImageDraw.Draw(image)
        for line in range(lines):
            start = (number * lines + line) * 9
            draw.text((90, 90 + 50 * line), " ".join(words[start : start + 9]), 20, font)
        written = io.BytesIO()
        image.save(written, "JPEG", quality=85)
        found.append(written.getvalue())
    return found


def embedded(jpegs: Sequence[bytes], pages: int) -> bytes:
    """A document whose pages are JPEGs; pages with the same pixels are different pages."""
    writer = PdfWriter()
    kinds = [jpeg_page(writer, jpeg) for jpeg in jpegs]
    return pdf_of([kinds[number % DISTINCT] for number in range(pages)], writer)


def drawn(jpegs: Sequence[bytes], pages: int) -> bytes:
    """The same pages, each with a mark over the image, so that they must be drawn."""
    writer = PdfWriter()
    kinds = []
    for jpeg in jpegs:
        page = jpeg_page(writer, jpeg)
        kinds.append(PdfPage(page.size, page.content + b" 5 5 2 2 re f", page.resources))
    return pdf_of([kinds[number % DISTINCT] for number in range(pages)], writer)


class Stream:
    """A request for NDJSON, whose lines are read as they come."""

    def __init__(self, server: ServerProcess, pdf: bytes, **fields: str) -> None:
        parts = [Part(name, value.encode()) for name, value in fields.items()]
        body, headers = multipart([*parts, Part("format", b"ndjson"), Part("file", pdf, "a.pdf")])
        sent = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        head = f"POST /ocr HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n{sent}\r\n"
        self._socket = socket.create_connection(("127.0.0.1", server.port), timeout=WAIT_SECONDS)
        self._socket.sendall(head.encode() + body)
        self.sent_at = time.monotonic()
        self._file = self._socket.makefile("rb")

    def events(self) -> Iterator[dict[str, Any]]:
        """Each line that is an event, without the frame of the transfer."""
        for line in self._file:
            if line.startswith(b"{"):
                event = json.loads(line)
                yield event
                if event["event"] in ("end", "error"):
                    return

    def close(self) -> None:
        """Leave."""
        self._file.close()
        self._socket.close()


def server_in(folder: Path, workers: int) -> ServerProcess:
    """A server whose jobs outlive it."""
    settings = {
        "ocr": {"process": {"number": workers}},
        "database": {"url": f"sqlite:///{folder}/ocr.sqlite3"},
        "service": {"img_number": 5000},
        "documents": {"sync_pages": 5000, "max_pages": 5000},
    }
    return ServerProcess(folder, settings, arguments=("--access-log-level", "WARNING"))


def singles(server: ServerProcess, jpegs: Sequence[bytes], count: int, clients: int) -> list[float]:
    """Send so many images, from some clients; the seconds of each."""

    def send(number: int) -> float:
        image = varied(jpegs[number % DISTINCT], number + 1)
        begun = time.monotonic()
        with KeptConnection(server.port, WAIT_SECONDS) as connection:
            reply = connection.request("POST", "/ocr", image, {"Content-Type": "image/jpeg"})
        assert reply.status == 200, reply.body
        return time.monotonic() - begun

    with ThreadPoolExecutor(clients) as pool:
        return list(pool.map(send, range(count)))


class Memory:
    """The largest growth of the front end, and the most memory of a renderer, while it runs."""

    def __init__(self, server: ServerProcess) -> None:
        self._server = server
        self._before = rss_mb(server.pid)
        self.growth, self.renderer = 0.0, 0.0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Memory:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(0.5):
            self.growth = max(self.growth, rss_mb(self._server.pid) - self._before)
            for each in self._server.health()["renderers"]:
                self.renderer = max(self.renderer, rss_mb(each["pid"]))


def read_all(server: ServerProcess, pdf: bytes) -> tuple[float, float, int]:
    """Seconds until the first page and until the end, and how many pages failed."""
    stream = Stream(server, pdf)
    first = 0.0
    failed = 0
    for event in stream.events():
        if event["event"] == "page" and not first:
            first = time.monotonic() - stream.sent_at
        failed = event.get("failed", failed)
    return first, time.monotonic() - stream.sent_at, failed


def check_speed(server: ServerProcess, asked: Namespace, jpegs: Jpegs, table: Verdict) -> None:
    """How fast the pages are read, compared with single images; and the memory that it takes."""
    sample = max(asked.workers * 10, asked.pages // 5)
    singles(server, jpegs, asked.workers * 2, asked.workers + 1)  # warm
    begun = time.monotonic()
    singles(server, jpegs, sample, asked.workers + 1)
    as_images = sample / (time.monotonic() - begun)
    table.row("the pages as JPEGs", f"{as_images:.2f} pages/s ({sample} pages)")
    pdf = embedded(jpegs, asked.pages)
    with Memory(server) as memory:
        first, seconds, failed = read_all(server, pdf)
    speed = asked.pages / seconds
    table.row("document of JPEGs", f"{speed:.2f} pages/s, {failed} failed", failed == 0)
    share = speed / as_images
    table.row("… compared with JPEGs", f"{share:.2f}", share >= LEAST_EMBEDDED)
    table.row("first page", f"{first:.2f} s", first <= FIRST_SECONDS)
    table.row("front end grew", f"{memory.growth:.0f} MB", memory.growth <= MAX_GROWTH_MB)
    table.row("largest renderer", f"{memory.renderer:.0f} MB", memory.renderer <= MAX_GROWTH_MB)
    _, again, _ = read_all(server, pdf)
    table.row("again", f"{again:.2f} s, {again / seconds:.1%}", again <= MOST_AGAIN * seconds)
    count = max(asked.workers * 10, asked.pages // 5)
    _, seconds, failed = read_all(server, drawn(jpegs, count))
    share = count / seconds / as_images
    text = f"{count / seconds:.2f} pages/s, {share:.2f} of JPEGs"
    table.row("drawn pages", text, share >= LEAST_DRAWN and failed == 0)


def check_cancel(server: ServerProcess, asked: Namespace, jpegs: Jpegs, table: Verdict) -> None:
    """What is still read after the client has left."""
    stream = Stream(server, embedded(jpegs, asked.pages), dpi="199")
    for event in stream.events():
        if event["event"] == "page":
            break
    before = server.health()["completed"]
    stream.close()
    left = time.monotonic()

    def idle() -> bool:
        queue = server.health()["queue"]
        return bool(queue["waiting"] == queue["running"] == 0)

    wait_until(idle, "idle workers", WAIT_SECONDS)
    read = server.health()["completed"] - before
    text = f"{read} pages after it, idle after {time.monotonic() - left:.2f} s"
    table.row("a client leaves", text, read <= asked.workers + 1)


def check_kills(folder: Path, asked: Namespace, jpegs: Jpegs, table: Verdict) -> None:
    """What a renderer, a worker and a server cost that are killed in the middle of a job."""
    pages = max(20, asked.pages // 4)
    pdf = embedded(jpegs, pages)
    read = 0

    def done(server: ServerProcess, url: str) -> int:
        jobs = server.get("/jobs").json["jobs"]
        return next(int(job["progress"]["pages_done"]) for job in jobs if job["url"] == url)

    with server_in(folder, asked.workers) as server:
        url = server.upload(pdf, block_flag="false").json["job"]["url"]
        wait_until(lambda: done(server, url) >= pages // 4, "a quarter", WAIT_SECONDS)
        for each in server.health()["renderers"]:
            os.kill(each["pid"], signal.SIGKILL)
        os.kill(server.worker_pids()[0], signal.SIGKILL)
        wait_until(lambda: done(server, url) >= pages // 2, "half of it", WAIT_SECONDS)
        read += server.health()["completed"]
        os.kill(server.pid, signal.SIGKILL)
        wait_until(lambda: not server.is_running, "the server is dead")
    with server_in(folder, asked.workers) as server:
        wait_until(lambda: done(server, url) == pages, "all of it", WAIT_SECONDS)
        wait_until(
            lambda: server.get(url).headers["X-Job-State"] == "done", "its end", WAIT_SECONDS
        )
        read += server.health()["completed"]
        found = server.get(f"{url}/result").json["data"]["pages"]
    whole = [page["page"] for page in found] == [*range(1, pages + 1)]
    same = len({page["text"] for page in found}) == DISTINCT
    table.row("pages after kills", f"{len(found)} of {pages}", whole and same)
    # a page that a killed worker had may not be counted; those in flight, and one more, are again
    table.row("pages read again", f"{read - pages}", read - pages <= asked.workers + 1)


def check_fair(server: ServerProcess, asked: Namespace, jpegs: Jpegs, table: Verdict) -> None:
    """How long single images take next to many documents."""
    alone = sorted(singles(server, jpegs, 20, 1))
    own = alone[len(alone) // 2]
    streams = [
        Stream(server, embedded(jpegs, asked.pages), dpi=str(201 + number))
        for number in range(DOCUMENTS)
    ]
    wait_until(lambda: server.health()["queue"]["waiting"] >= DOCUMENTS // 2, "all wait", 60)
    next_to = sorted(singles(server, jpegs, 40, 1))
    for stream in streams:
        stream.close()
    p95 = next_to[int(0.95 * len(next_to))]
    text = f"{own:.2f} s alone, p95 {p95:.2f} s next to {DOCUMENTS} documents"
    table.row("single images", text, p95 <= 3 * own)


def main() -> int:
    """Run the parts within the time; returns the exit status."""
    asked = parse()
    begun, table, jpegs = time.monotonic(), Verdict(), scans(asked.lines)

    def wanted(name: str) -> bool:
        if asked.only and asked.only not in name:
            return False
        if time.monotonic() - begun > asked.seconds:
            table.row(name, "left out: no time")
            return False
        print(f"{name} …", flush=True)
        return True

    with tempfile.TemporaryDirectory(prefix="ocr-documents-") as folder:
        with server_in(Path(folder), asked.workers) as server:
            for name, part in (
                ("speed", check_speed),
                ("cancel", check_cancel),
                ("fair", check_fair),
            ):
                if wanted(name):
                    part(server, asked, jpegs, table)
            if wanted("peer"):
                check_peer(server, Path(folder), asked.workers, table)
        if wanted("kills"):
            killed = Path(folder) / "killed"
            killed.mkdir()
            check_kills(killed, asked, jpegs, table)
    return table.print()


def parse() -> Namespace:
    """The arguments."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, default=1000)
    parser.add_argument("--lines", type=int, default=LINES)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=1500.0)
    parser.add_argument("--only", default="")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
