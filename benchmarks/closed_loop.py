"""Lightweight clients in a closed loop: prepared bytes, plain sockets, one thread.

    python benchmarks/closed_loop.py PORT FOLDER CLIENTS SECONDS

Each client sends one of FOLDER/*.request, waits for the complete answer, and sends the next. Every
answer must be a 200 with a Content-Length. Prints JSON: per_second, p50_ms and p99_ms of the
measured time, `sent` including the warm-up, and load_cpu_ms, this process's CPU time per request.
"""

from __future__ import annotations

import itertools
import json
import re
import select
import socket
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent.parent)]

from tests.support.arrivals import percentile  # noqa: E402

WARM_UP_SECONDS = 0.5
ANSWER_SECONDS = 30.0
SEND_BUFFER = 1 << 20  # large enough to send a request in one call
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


@dataclass(slots=True)
class Connection:
    """A client: a connection, and the bytes of its answer so far."""

    socket: socket.socket
    started: float = 0.0
    answer: bytearray = field(default_factory=bytearray)
    expected: int = 0

    def send(self, request: bytes) -> None:
        """Send a request; all of it fits the send buffer."""
        self.answer.clear()
        self.expected = 0
        self.started = time.perf_counter()
        self.socket.sendall(request)

    def receive(self) -> bool:
        """Receive bytes; returns whether the answer is complete."""
        piece = self.socket.recv(65536)
        if not piece:
            raise RuntimeError(f"the server closed after {bytes(self.answer)[:200]!r}")
        self.answer += piece
        if not self.expected:
            self._read_head()
        return 0 < self.expected <= len(self.answer)

    def _read_head(self) -> None:
        end = self.answer.find(b"\r\n\r\n")
        if end < 0:
            return
        found = _LENGTH.search(self.answer, 0, end)
        if not self.answer.startswith(b"HTTP/1.1 200 ") or found is None:
            raise RuntimeError(f"not an answer: {bytes(self.answer)[:300]!r}")
        self.expected = end + 4 + int(found[1])


def connect(port: int) -> Connection:
    """A connection to a server on this machine."""
    connected = socket.create_connection(("127.0.0.1", port), timeout=ANSWER_SECONDS)
    connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
    return Connection(connected)


def drive(connections: list[Connection], requests: Iterator[bytes], seconds: float) -> list[float]:
    """Keep every connection busy for this long; returns the seconds of each answer."""
    by_descriptor = {each.socket.fileno(): each for each in connections}
    latencies = []
    with select.epoll() as poll:
        for descriptor in by_descriptor:
            poll.register(descriptor, select.EPOLLIN)
        deadline = time.perf_counter() + seconds
        for each in connections:
            each.send(next(requests))
        waiting = len(connections)
        while waiting:
            events = poll.poll(ANSWER_SECONDS)
            if not events:
                raise RuntimeError(f"{waiting} clients wait in vain")
            for descriptor, _ in events:
                connection = by_descriptor[descriptor]
                if not connection.receive():
                    continue
                now = time.perf_counter()
                latencies.append(now - connection.started)
                if now < deadline:
                    connection.send(next(requests))
                else:
                    waiting -= 1
    return latencies


def main() -> None:
    """Warm up, measure, print."""
    port, folder, clients, seconds = sys.argv[1:]
    prepared = [path.read_bytes() for path in sorted(Path(folder).glob("*.request"))]
    requests = itertools.cycle(prepared)
    connections = [connect(int(port)) for _ in range(int(clients))]
    warm_up = len(drive(connections, requests, WARM_UP_SECONDS))
    cpu, start = time.process_time(), time.perf_counter()
    latencies = drive(connections, requests, float(seconds))
    cpu, spent = time.process_time() - cpu, time.perf_counter() - start
    for each in connections:
        each.socket.close()
    figures = {
        "sent": warm_up + len(latencies),
        "per_second": len(latencies) / spent,
        "p50_ms": percentile(latencies, 50) * 1000,
        "p99_ms": percentile(latencies, 99) * 1000,
        "load_cpu_ms": cpu / len(latencies) * 1000,
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
