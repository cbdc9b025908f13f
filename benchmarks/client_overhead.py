"""The overhead of the load test: multirequest.py with a server that answers immediately.

    python benchmarks/client_overhead.py [--seconds 3] [--clients 50]

The client and the server have one core each. Every row is a separate load: scenario, mode and
image size. CPU ms is the client's user and system time per request, less the time of a client
with a single request. Writes results/client_overhead.json; exit status 1 if a row has less than
2,000 requests/s. Nothing else may run on the machine.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from machine import write_results
from PIL import Image
from server_under_test import ROOT

from tests.support.program import stop_with_parent

MIN_PER_SECOND = 2000
SIZES = (20_000, 100_000)
ROWS = (
    *((scenario, "file", size) for size in SIZES for scenario in ("different", "cached")),
    ("different", "base64", SIZES[-1]),
    ("different", "filename", SIZES[-1]),
)
LINES = 10
_BOX = [[301, 404], [696, 404], [696, 461], [301, 461]]
_LINE = {"text": "每天十点到二十点", "confidence": 0.9999, "box": _BOX}


def main() -> int:
    """Print and write a row for each load; returns the exit status."""
    arguments = _parse()
    if arguments.answer_at_once:
        asyncio.run(serve())
        return 0
    cores = sorted(os.sched_getaffinity(0))
    with (
        tempfile.TemporaryDirectory(prefix="ocr-benchmark-") as name,
        instant_server(cores[-1]) as port,
    ):
        rows = [measure(port, Path(name), cores[0], row, arguments) for row in ROWS]
    write_results("client_overhead", {"clients": arguments.clients, "loads": rows})
    slowest = min(row["per_second"] for row in rows)
    print(f"slowest {slowest:.0f} requests/s, at least {MIN_PER_SECOND} are wanted")
    return 0 if slowest >= MIN_PER_SECOND else 1


def measure(
    port: int, folder: Path, core: int, row: tuple[str, str, int], arguments: argparse.Namespace
) -> dict[str, Any]:
    """Run one load."""
    scenario, mode, size = row
    (folder / "image.jpg").write_bytes(jpeg_of(size))
    load = [f"--scenario={scenario}", f"--mode={mode}", f"--clients={arguments.clients}"]
    url = [f"--url=http://127.0.0.1:{port}", f"--dir={folder}"]
    _, start_cpu = client(core, [*url, *load, "--requests=1"])
    found, cpu = client(core, [*url, *load, f"--duration={arguments.seconds}", "--warm-up=200"])
    measured = {
        "scenario": scenario,
        "mode": mode,
        "image_bytes": size,
        "per_second": found["images_per_second"],
        "cpu_ms": (cpu - start_cpu) / found["requests"] * 1000,
        **found["latency_ms"],
    }
    print(
        f"{scenario:9} {mode:8} {size // 1000:4} KB: {measured['per_second']:6.0f} requests/s, "
        f"{measured['cpu_ms']:.3f} CPU ms, p50 {measured['p50']:.2f} ms, "
        f"p99 {measured['p99']:.2f} ms",
        flush=True,
    )
    return measured


def client(core: int, arguments: list[str]) -> tuple[dict[str, Any], float]:
    """multirequest.py on one core: its first summary, and its CPU seconds."""
    command = [sys.executable, str(ROOT / "multirequest.py"), "--json", "--quiet", *arguments]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        preexec_fn=lambda: os.sched_setaffinity(0, {core}),
    )
    assert process.stdout is not None
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} left with {process.returncode}")
    summaries: list[dict[str, Any]] = json.loads(output)
    return summaries[0], usage.ru_utime + usage.ru_stime


class AnswerAtOnce(asyncio.Protocol):
    """Answers as soon as the last byte of a body has arrived, whatever the body is."""

    answer = b""

    def __init__(self) -> None:
        self._head = b""
        self._missing = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport for answers."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Receive one request at a time; the next one comes after the answer."""
        if not self._missing:
            self._head += data
            end = self._head.find(b"\r\n\r\n")
            if end < 0:
                return
            length = self._head[:end].lower().partition(b"content-length: ")[2]
            self._missing = int(length.partition(b"\r\n")[0])
            data, self._head = self._head[end + 4 :], b""
        self._missing -= len(data)
        if not self._missing:
            self._transport.write(self.answer)


async def serve() -> None:
    """Serve until killed; the port goes to standard output."""
    data = {"text": "\n".join([str(_LINE["text"])] * LINES), "lines": [_LINE] * LINES}
    answer = {"status": "success", "data": data, "cache": "hit", "md5": "0" * 32}
    body = json.dumps(answer, ensure_ascii=False, separators=(",", ":")).encode()
    head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Cache: hit\r\n"
    AnswerAtOnce.answer = f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
    server = await asyncio.get_running_loop().create_server(AnswerAtOnce, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


@contextmanager
def instant_server(core: int) -> Iterator[int]:
    """Run the server in a separate process on one core; gives its port."""

    def prepare() -> None:
        stop_with_parent()
        os.sched_setaffinity(0, {core})

    command = [sys.executable, __file__, "--answer-at-once"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, preexec_fn=prepare)
    try:
        assert process.stdout is not None
        yield int(process.stdout.readline())
    finally:
        process.kill()
        process.wait()


def jpeg_of(size: int) -> bytes:
    """A JPEG of this many bytes, mostly comments."""
    encoded = io.BytesIO()
    Image.new("RGB", (64, 64), "white").save(encoded, "JPEG")
    data = encoded.getvalue()
    while (missing := size - len(data)) >= 4:
        length = min(missing, 60_000) - 2
        data = data[:2] + b"\xff\xfe" + length.to_bytes(2, "big") + bytes(length - 2) + data[2:]
    return data


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--answer-at-once", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
