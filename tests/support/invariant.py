"""The invariant of an idle server: all workers are ready, nothing leaks, and it recognizes."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace

from tests.support.http_client import Reply
from tests.support.server_process import ServerProcess
from tests.support.watching import descriptors, wait_until, worker_processes

SETTLE_SECONDS = 20.0
DESCRIPTOR_SLACK = 2


@dataclass(frozen=True, slots=True)
class Invariant:
    """The state of an idle server, to compare with its state after a fault or a load.

    known: an image and its text. workers: the expected number of workers.
    """

    server: ServerProcess
    known: bytes
    workers: int
    text: str
    descriptors: int

    @classmethod
    def of(cls, server: ServerProcess, known: bytes, workers: int) -> Invariant:
        """Record the state of an idle server; AssertionError if it does not become idle."""
        text = _read(server, known).text
        wait_until(lambda: not _unsettled(server, workers), "an idle server with all its workers")
        return cls(server, known, workers, text, descriptors(server.pid))

    def again(self) -> Invariant:
        """Look at the server again before the next fault; the known image is not read again."""
        wait_until(lambda: not _unsettled(self.server, self.workers), "an idle server")
        return replace(self, descriptors=descriptors(self.server.pid))

    def check(self) -> None:
        """AssertionError, with the violations."""
        broken = self.broken()
        assert not broken, "; ".join(broken)

    def broken(self, seconds: float = SETTLE_SECONDS) -> list[str]:
        """The violations that remain after this many seconds."""
        wrong: list[str] = []

        def is_settled() -> bool:
            wrong[:] = self._unsettled()
            return not wrong

        with contextlib.suppress(AssertionError):
            wait_until(is_settled, "an idle server", seconds)
        left = sorted(path.name for path in self.server.temporary.rglob("*"))
        if left:
            wrong.append(f"temporary files are left: {left}")
        if not wrong:
            reply = _read(self.server, self.known)
            if reply.status != 200 or reply.text != self.text:
                wrong.append(f"the known image: {reply.status} {reply.body[:100]!r}")
        return wrong

    def _unsettled(self) -> list[str]:
        wrong = _unsettled(self.server, self.workers)
        opened = descriptors(self.server.pid)
        if opened > self.descriptors + DESCRIPTOR_SLACK:
            wrong.append(f"open files: {opened}, at first {self.descriptors}")
        return wrong


def _unsettled(server: ServerProcess, workers: int) -> list[str]:
    """Work in progress, missing workers, and child processes that are not workers."""
    health = server.health()
    ready = {worker["pid"] for worker in health["workers"] if worker["state"] == "ready"}
    spares = {worker["pid"] for worker in health["workers"] if worker["state"] == "spare"}
    children = worker_processes(server.pid)  # zombies are among them
    busy = {**health["requests"], **{key: health["queue"][key] for key in ("waiting", "running")}}
    wrong = {
        f"in progress: {busy}": any(busy.values()),
        f"ready: {len(ready)} of {workers}": len(ready) != workers,
        f"spares: {len(spares)} of {server.spares}": len(spares) != server.spares,
        f"workers: {health['workers']}": len(ready | spares) != len(health["workers"]),
        f"children: {sorted(children)}, of which ready {sorted(ready)}": children != ready | spares,
    }
    return [what for what, is_wrong in wrong.items() if is_wrong]


def _read(server: ServerProcess, image: bytes) -> Reply:
    headers = {"Content-Type": "application/octet-stream", "Cache-Control": "no-cache"}
    return server.request("POST", "/ocr", image, headers)
