"""Sends odd inputs to a server with real models; only answers with 2xx and 4xx are allowed.

    python benchmarks/fuzz.py [--structured] [--images 10000] [--seed 1] [--clients 4]
                              [--workers 2] [--first 0] [--keep FOLDER] [--lag 0.15]

The inputs are the images of tools/broken_images.py, sent raw under right and wrong Content-Types.
With --structured (20,000 by default), they are the requests and images of tools/structured, which
are valid except in a few places.

Exit status 1 if an answer was neither 2xx nor 4xx, a worker was lost, a known image is read
differently afterwards, the log has more lines than there were requests, or (with --structured) a
valid input was not read, or /livez of another client was later than --lag seconds plus what the
machine cost. Inputs in progress when a worker was lost are sent again one by one to find the one
at fault. --keep saves the offending inputs.
"""

from __future__ import annotations

import argparse
import re
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from fuzz_inputs import ANSWER_SECONDS, BrokenImages, Inputs, Reply, StructuredInputs
from honest_clients import HonestClients
from server_under_test import ROOT, ServerUnderTest, Verdict, serving

from tests.support.http_client import KeptConnection

UNDER_WAY = 5  # requests of the honest clients that are in the log, but not yet counted
KNOWN = ROOT / "tests" / "data" / "pages" / "special_sign_grey8.png"
IMAGES, STRUCTURED = 10_000, 20_000
WATCH_SECONDS = 0.1
SUSPECT_SECONDS = 0.5
PLANNED = "recycled"


@dataclass
class Watch:
    """Observations of the server's processes while images are sent."""

    losses: list[float] = field(default_factory=list)
    worker_peak_mb: int = 0
    done: threading.Event = field(default_factory=threading.Event)


def main() -> int:
    """Send the inputs and print a table; returns the exit status."""
    arguments = _parse()
    kind = StructuredInputs if arguments.structured else BrokenImages
    inputs = kind(arguments.seed)
    settings = {
        "ocr": {"process": {"number": arguments.workers, "max_task_number": 0}},
        "service": {"time": 6000 if arguments.structured else 0},  # most send the same image
    }
    with serving(settings, access_log_level="INFO") as server:
        known = read_known(server)
        server.upload(KNOWN.read_bytes(), block_flag="0")  # the first job opens the database
        before = memory_mb(server.pid, "VmRSS")
        with HonestClients(server.port, KNOWN, server.pid) as honest:
            watch = Watch()
            watcher = threading.Thread(target=observe, args=(server, watch))
            watcher.start()
            lines, started = log_lines(server), time.perf_counter()
            replies = send_all(server.port, inputs, arguments)
            seconds = time.perf_counter() - started
            lap = honest.lap()
            lines = log_lines(server) - lines - lap.read - lap.refused
            watch.done.set()
            watcher.join()
        again = read_known(server)
        after = memory_mb(server.pid, "VmRSS")
        restarts = server.health()["restarts"]
        culprits = [reply for reply in replies if not reply.allowed]
        culprits += find_culprits(server, inputs, suspects(replies, watch))
    _print_table(arguments, inputs, replies, seconds)
    print(f"memory: front end {before} -> {after} MiB, worker at most {watch.worker_peak_mb} MiB")
    for reply in culprits:
        print(f"at fault: {reply.status} {reply.code} {reply.seconds:.2f} s  {reply.name}")
    if arguments.keep:
        keep(arguments.keep, inputs, culprits)
    verdict = Verdict()
    verdict.row("at fault", f"{len(culprits)}", not culprits)
    verdict.row("restarts", f"{restarts or 'none'}", lost(restarts) == 0)
    same = "the same text" if known == again else f"{known!r} is now {again!r}"
    verdict.row("known image", same, known == again)
    verdict.row(
        "log", f"{lines} lines for {len(replies)} requests", lines <= len(replies) + UNDER_WAY
    )
    limit = arguments.lag if arguments.structured else None
    verdict.row("other clients", str(lap), lap.holds(limit))
    return verdict.print()


def send_all(port: int, inputs: Inputs, arguments: argparse.Namespace) -> list[Reply]:
    """Send every input once, by several clients; sorted by number."""
    replies: list[Reply] = []
    numbers = count(arguments.first)
    lock = threading.Lock()

    def client() -> None:
        send = inputs.sender(port)
        while True:
            with lock:
                number = next(numbers)
            if number >= arguments.first + arguments.images:
                return
            replies.append(send(number))

    clients = [threading.Thread(target=client) for _ in range(arguments.clients)]
    for each in clients:
        each.start()
    for each in clients:
        each.join()
    return sorted(replies, key=lambda reply: reply.number)


def log_lines(server: ServerUnderTest) -> int:
    """The number of lines in the log, without those of /livez and /healthz."""
    return sum(
        "GET /livez" not in line and "GET /healthz" not in line
        for line in server.output.splitlines()
    )


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


def find_culprits(server: ServerUnderTest, inputs: Inputs, among: list[Reply]) -> list[Reply]:
    """The inputs that also crash a worker when sent alone."""
    found = []
    send = inputs.sender(server.port)
    for suspect in among:
        before = lost(server.health()["restarts"])
        reply = send(suspect.number)
        if lost(server.health()["restarts"]) > before:
            found.append(reply)
    return found


def keep(folder: Path, inputs: Inputs, replies: list[Reply]) -> None:
    """Save the inputs under their numbers and codes."""
    folder.mkdir(parents=True, exist_ok=True)
    for reply in replies:
        code = re.sub(r"\W+", "_", reply.code)[:40]
        name = f"{inputs.seed}-{reply.number:06}-{reply.status}-{code}"
        (folder / name).write_bytes(inputs.content(reply.number))


def memory_mb(pid: int, name: str) -> int:
    """VmRSS or VmHWM of a process in MiB; 0 if it is gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    found = re.search(rf"^{name}:\s+(\d+) kB", status, re.M)
    return int(found[1]) >> 10 if found else 0


def _print_table(
    arguments: argparse.Namespace, inputs: Inputs, replies: list[Reply], seconds: float
) -> None:
    print(
        f"{len(replies)} {inputs.noun} of seed {inputs.seed}, {arguments.clients} clients, "
        f"{arguments.workers} workers: {seconds:.0f} s, {len(replies) / seconds:.1f} a second"
    )
    counted: Counter[Any] = Counter((reply.status, reply.code[:40]) for reply in replies)
    for (status, code), times in sorted(counted.items()):
        print(f"  {status:3} {code or '-':22} {times:6}")
    for reply in sorted(replies, key=lambda reply: -reply.seconds)[:3]:
        print(f"  slowest {reply.seconds:6.2f} s  {reply.status} {reply.code or '-'}  {reply.name}")


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--structured", action="store_true", help="requests and images by their structure"
    )
    parser.add_argument("--images", type=int, help="the number of inputs")
    parser.add_argument("--first", type=int, default=0, help="the number to begin with")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--keep", type=Path, metavar="FOLDER")
    parser.add_argument("--lag", type=float, default=0.15, help="seconds of /livez")
    arguments = parser.parse_args()
    if arguments.images is None:
        arguments.images = STRUCTURED if arguments.structured else IMAGES
    return arguments


if __name__ == "__main__":
    sys.exit(main())
