"""Sends broken images to a server with real models; only answers with 200 and 4xx are allowed.

    python benchmarks/fuzz.py [--images 10000] [--seed 1] [--clients 4] [--workers 2]
                              [--first 0] [--keep FOLDER]

The images are those of tools/broken_images.py, sent raw under right and wrong Content-Types.
Exit status 1 if an answer was neither 200 nor 4xx, a worker was lost, or a known image is read
differently afterwards. Images in progress when a worker was lost are sent again one by one to find
the one at fault. --keep saves the offending images.
"""

from __future__ import annotations

import argparse
import re
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from http.client import HTTPException
from itertools import count
from pathlib import Path
from typing import Any

from server_under_test import ROOT, ServerUnderTest, serving

from tests.support.http_client import KeptConnection

sys.path[:0] = [str(ROOT / "tools")]

from broken_images import broken_image  # noqa: E402

KNOWN = ROOT / "tests" / "data" / "pages" / "special_sign_grey8.png"
CONTENT_TYPES = (
    "image/png", "image/jpeg", "image/svg+xml", "image/x-none", "application/octet-stream",
    "IMAGE/GIF; charset=utf-8", "",
)  # fmt: skip
NO_ANSWER = 0
ANSWER_SECONDS = 120.0
WATCH_SECONDS = 0.1
SUSPECT_SECONDS = 0.5
PLANNED = "recycled"


@dataclass(frozen=True)
class Reply:
    """The answer to one image: its status, error code, and times."""

    number: int
    name: str
    status: int
    code: str
    begun: float
    ended: float

    @property
    def allowed(self) -> bool:
        """Whether it is 200, or an error of the image itself."""
        return self.status == 200 or 400 <= self.status < 500

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.ended - self.begun


@dataclass
class Watch:
    """Observations of the server's processes while images are sent."""

    losses: list[float] = field(default_factory=list)
    worker_peak_mb: int = 0
    done: threading.Event = field(default_factory=threading.Event)


def main() -> int:
    """Send the images and print a table; returns the exit status."""
    arguments = _parse()
    settings = {
        "ocr": {"process": {"number": arguments.workers, "max_task_number": 0}},
        "service": {"time": 0},
    }
    with serving(settings) as server:
        known = read_known(server)
        before = memory_mb(server.pid, "VmRSS")
        watch = Watch()
        watcher = threading.Thread(target=observe, args=(server, watch))
        watcher.start()
        started = time.perf_counter()
        replies = send_all(server.port, arguments)
        seconds = time.perf_counter() - started
        watch.done.set()
        watcher.join()
        again = read_known(server)
        after = memory_mb(server.pid, "VmRSS")
        restarts = server.health()["restarts"]
        culprits = [reply for reply in replies if not reply.allowed]
        culprits += find_culprits(server, arguments.seed, suspects(replies, watch))
    _print_table(arguments, replies, seconds)
    print(f"restarts: {restarts or 'none'}")
    print(f"memory: front end {before} -> {after} MiB, worker at most {watch.worker_peak_mb} MiB")
    print(f"known image: {'the same text' if known == again else f'{known!r} is now {again!r}'}")
    for reply in culprits:
        print(f"at fault: {reply.status} {reply.code} {reply.seconds:.2f} s  {reply.name}")
    if arguments.keep:
        keep(arguments.keep, arguments.seed, culprits)
    passed = not culprits and lost(restarts) == 0 and known == again
    print("passed" if passed else "FAILED")
    return 0 if passed else 1


def send_all(port: int, arguments: argparse.Namespace) -> list[Reply]:
    """Send every image once, by several clients with one connection each; sorted by number."""
    replies: list[Reply] = []
    numbers = count(arguments.first)
    lock = threading.Lock()

    def client() -> None:
        connection = KeptConnection(port, ANSWER_SECONDS)
        while True:
            with lock:
                number = next(numbers)
            if number >= arguments.first + arguments.images:
                connection.close()
                return
            replies.append(send(connection, arguments.seed, number))

    clients = [threading.Thread(target=client) for _ in range(arguments.clients)]
    for each in clients:
        each.start()
    for each in clients:
        each.join()
    return sorted(replies, key=lambda reply: reply.number)


def send(connection: KeptConnection, seed: int, number: int) -> Reply:
    """Send one image; status 0 if the connection broke."""
    name, data = broken_image(seed, number)
    content_type = CONTENT_TYPES[number % len(CONTENT_TYPES)]
    begun = time.perf_counter()
    try:
        answer = connection.request("POST", "/ocr", data, {"Content-Type": content_type})
    except (OSError, HTTPException) as error:
        connection.close()
        return Reply(number, name, NO_ANSWER, repr(error), begun, time.perf_counter())
    code = "" if answer.status == 200 else answer.code
    return Reply(number, name, answer.status, code, begun, time.perf_counter())


def read_known(server: ServerUnderTest) -> str:
    """The text of a valid image."""
    with KeptConnection(server.port, ANSWER_SECONDS) as connection:
        headers = {"Content-Type": "image/png"}
        answer = connection.request("POST", "/ocr", KNOWN.read_bytes(), headers)
    return answer.text if answer.status == 200 else answer.code


def observe(server: ServerUnderTest, watch: Watch) -> None:
    """Record lost workers and peak memory until the watch is done."""
    known = 0
    while not watch.done.wait(WATCH_SECONDS):
        health = server.health()
        for worker in health["workers"]:
            peak = memory_mb(worker["pid"], "VmHWM")
            watch.worker_peak_mb = max(watch.worker_peak_mb, peak)
        now_lost = lost(health["restarts"])
        watch.losses += [time.perf_counter()] * (now_lost - known)
        known = now_lost


def lost(restarts: dict[str, int]) -> int:
    """How many workers exited unexpectedly."""
    return sum(times for reason, times in restarts.items() if not reason.startswith(PLANNED))


def suspects(replies: list[Reply], watch: Watch) -> list[Reply]:
    """The images in progress when a worker was lost."""
    return [
        reply
        for reply in replies
        if any(reply.begun <= at and reply.ended >= at - SUSPECT_SECONDS for at in watch.losses)
    ]


def find_culprits(server: ServerUnderTest, seed: int, among: list[Reply]) -> list[Reply]:
    """The images that also crash a worker when sent alone."""
    found = []
    for suspect in among:
        before = lost(server.health()["restarts"])
        with KeptConnection(server.port, ANSWER_SECONDS) as connection:
            reply = send(connection, seed, suspect.number)
        if lost(server.health()["restarts"]) > before:
            found.append(reply)
    return found


def keep(folder: Path, seed: int, replies: list[Reply]) -> None:
    """Save the images under their numbers and codes."""
    folder.mkdir(parents=True, exist_ok=True)
    for reply in replies:
        code = re.sub(r"\W+", "_", reply.code)[:40]
        name = f"{seed}-{reply.number:06}-{reply.status}-{code}"
        (folder / name).write_bytes(broken_image(seed, reply.number)[1])


def memory_mb(pid: int, name: str) -> int:
    """VmRSS or VmHWM of a process in MiB; 0 if it is gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    found = re.search(rf"^{name}:\s+(\d+) kB", status, re.M)
    return int(found[1]) >> 10 if found else 0


def _print_table(arguments: argparse.Namespace, replies: list[Reply], seconds: float) -> None:
    print(
        f"{len(replies)} images of seed {arguments.seed}, {arguments.clients} clients, "
        f"{arguments.workers} workers: {seconds:.0f} s, {len(replies) / seconds:.1f} images/s"
    )
    counted: Counter[Any] = Counter((reply.status, reply.code) for reply in replies)
    for (status, code), times in sorted(counted.items()):
        print(f"  {status:3} {code or '-':22} {times:6}")
    for reply in sorted(replies, key=lambda reply: -reply.seconds)[:3]:
        print(f"  slowest {reply.seconds:6.2f} s  {reply.status} {reply.code or '-'}  {reply.name}")


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--first", type=int, default=0, help="the number to begin with")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--keep", type=Path, metavar="FOLDER")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
