"""Many objects and files while what reads them is killed; for tests and `make storage`."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

from tests.support.cards import card
from tests.support.journal import begun_by
from tests.support.object_process import ObjectCommand
from tests.support.object_stores import SeaweedFS
from tests.support.program import free_port
from tests.support.server_process import ServerProcess
from tests.support.watching import wait_until

TOKEN = "the token of the events"
LIST_SECONDS = 3.0
TAKES_SECONDS = 0.02
PUTS_AT_ONCE = 4
RETRY_SECONDS = 0.2
REPEATED = 10  # every tenth event is sent twice
END_SECONDS = 240.0
EVERY, REST = "3s", "500ms"


@dataclass(frozen=True)
class Outcome:
    """What came of a run. texts: what was expected, by key. lines: how often each key has a line.

    objects: the texts of the results by key, as they are in the bucket or folder. readings: how
    often workers have begun an image. events: how many were accepted. seconds: of the whole run.
    """

    texts: Mapping[str, str]
    lines: Counter[str]
    objects: Mapping[str, str]
    readings: int
    events: int
    kills: int
    seconds: float

    @property
    def lost(self) -> int:
        """Keys without the right text in both places."""
        return sum(
            self.objects.get(key) != text or not self.lines[key] for key, text in self.texts.items()
        )

    @property
    def twice(self) -> int:
        """Keys with more than one line."""
        return sum(count > 1 for count in self.lines.values())


def read_objects(
    folder: Path,
    seaweedfs: SeaweedFS,
    count: int,
    reported: int,
    kills: int,
    database: str | None = None,
) -> Outcome:
    """Put objects, report some of them, and kill the server at regular intervals."""
    lines = folder / "results.jsonl"
    storage = {
        **seaweedfs.settings,
        "watch": ["s3://scans/in/"],
        "results": ["s3://texts/", "database", str(lines)],
        "list_seconds": LIST_SECONDS,
        "events_token": TOKEN,
    }
    settings: dict[str, Any] = {"ocr": {"process": {"number": 2}}, "storage": storage}
    settings |= {"usage": {"enabled": True}, "log": {"access_format": "text"}}
    if database is not None:
        settings["database"] = {"url": database}
    texts = {f"in/{n:04}.png": f"take {TAKES_SECONDS} object {n}" for n in range(count)}
    server = ServerProcess(
        folder, settings, fakes=True, arguments=("--access-log-level", "WARNING")
    )
    start = time.monotonic()
    server.start(free_port())
    sender = _Sender(server, seaweedfs, list(texts.items()), reported)
    try:
        sending = threading.Thread(target=sender.run)
        sending.start()
        for number in range(kills):
            at = count * (number + 1) // (kills + 1)
            wait_until(lambda at=at: _lines(lines) >= at, f"{at} results", END_SECONDS)  # type: ignore[misc]
            server.kill()
            server.start(server.port)
        sending.join()
        wait_until(lambda: _lines(lines) >= count, "all results", END_SECONDS)
        wait_until(lambda: len(seaweedfs.keys(bucket="texts")) >= count, "all objects", END_SECONDS)
    finally:
        sender.stop()
        server.stop()
    made = _texts_in(seaweedfs, texts)
    readings = sum(len(begun_by(server.journal, text)) for text in texts.values())
    seconds = time.monotonic() - start
    return Outcome(texts, _keys(lines), made, readings, sender.accepted, kills, seconds)


def watch_files(folder: Path, count: int, restarts: int) -> Outcome:
    """Lay files into a folder in three ways while `ocr-server watch` is restarted."""
    scans, results, lines = folder / "scans", folder / "results", folder / "results.jsonl"
    scans.mkdir()
    arguments = (scans, "--out", results, "--out", lines, "--every", EVERY, "--rest", REST)
    command = ObjectCommand(folder, "watch", (*arguments, "--format", "text"))
    texts = {f"{n % 7}/{n:04}.png": f"take {TAKES_SECONDS} file {n}" for n in range(count)}
    start = time.monotonic()
    running = command.start()
    laying = threading.Thread(target=_lay, args=(folder, scans, texts))
    laying.start()
    try:
        for number in range(restarts):
            at = count * (number + 1) // (restarts + 2)
            wait_until(lambda at=at: _lines(lines) >= at, f"{at} results", END_SECONDS)  # type: ignore[misc]
            _end(running, signal.SIGKILL if number % 2 == 0 else signal.SIGTERM)
            running = command.start()
        laying.join()
        wait_until(lambda: _lines(lines) >= count, "all results", END_SECONDS)
    finally:
        _end(running, signal.SIGTERM)
    made = {
        str(path.relative_to(results)).removesuffix(".txt"): path.read_text().rstrip("\n")
        for path in results.rglob("*.txt")
    }
    readings = sum(len(begun_by(command.journal, text)) for text in texts.values())
    return Outcome(texts, _keys(lines), made, readings, 0, restarts, time.monotonic() - start)


class _Sender:
    """Puts objects, and posts an event for the first of them, until the server takes it."""

    def __init__(
        self, server: ServerProcess, seaweedfs: SeaweedFS, texts: list[tuple[str, str]], events: int
    ) -> None:
        self.accepted = 0
        self._server = server
        self._seaweedfs = seaweedfs
        self._texts = texts
        self._events = events
        self._stopped = threading.Event()

    def run(self) -> None:
        """Send all."""
        with ThreadPoolExecutor(PUTS_AT_ONCE) as threads:
            list(threads.map(self._send, range(len(self._texts))))

    def stop(self) -> None:
        """Send no more."""
        self._stopped.set()

    def _send(self, number: int) -> None:
        if self._stopped.is_set():
            return
        key, text = self._texts[number]
        etag = self._seaweedfs.put(key, card(text))
        if number < self._events:
            for _ in range(2 if number % REPEATED == 0 else 1):
                self._post(key, etag)

    def _post(self, key: str, etag: str) -> None:
        s3 = {"bucket": {"name": "scans"}, "object": {"key": quote_plus(key), "eTag": etag}}
        record = {"eventVersion": "2.1", "eventName": "ObjectCreated:Put", "s3": s3}
        body = json.dumps({"Records": [record]}).encode()
        headers = {"Authorization": f"Bearer {TOKEN}"}
        while not self._stopped.is_set():
            with contextlib.suppress(OSError, HTTPException):
                if self._server.request("POST", "/events/s3", body, headers).status == 202:
                    self.accepted += 1
                    return
            time.sleep(RETRY_SECONDS)


def _lay(folder: Path, scans: Path, texts: Mapping[str, str]) -> None:
    """Lay files: in one piece, in two with a pause, and by renaming."""
    for number, (key, text) in enumerate(texts.items()):
        path, data = scans / key, card(text)
        path.parent.mkdir(exist_ok=True)
        if number % 3 == 0:
            path.write_bytes(data)
        elif number % 3 == 1:
            with path.open("wb", buffering=0) as file:
                file.write(data[: len(data) // 2])
                time.sleep(0.01)
                file.write(data[len(data) // 2 :])
        else:
            unfinished = folder / "unfinished"
            unfinished.write_bytes(data)
            unfinished.rename(path)


def _end(running: subprocess.Popen[bytes], number: int) -> None:
    if running.poll() is None:
        running.send_signal(number)
    running.wait(30)


def _lines(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0


def _keys(path: Path) -> Counter[str]:
    return Counter(json.loads(line)["key"] for line in path.read_text().splitlines())


def _texts_in(seaweedfs: SeaweedFS, texts: Mapping[str, str]) -> dict[str, str]:
    def text(key: str) -> tuple[str, str]:
        with contextlib.suppress(FileNotFoundError):
            return key, str(json.loads(seaweedfs.get(f"{key}.json", "texts"))["data"]["text"])
        return key, ""

    with ThreadPoolExecutor(PUTS_AT_ONCE) as threads:
        return dict(threads.map(text, texts))
