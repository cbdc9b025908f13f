"""Findings 2 and 7a: connections that use up all descriptors, also while a worker is replaced."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator

from attacks.attack import Attack, Seen, Target
from attacks.own_servers import own_server, reads, shell, target_of
from tests.support.watching import wait_until, worker_processes

OPEN_FILES = 200
HELD_SECONDS = 4.0
READY_SECONDS, END_SECONDS = 30.0, 10.0
LOG_LINES = 12


@contextlib.contextmanager
def all_connections(port: int, wanted: int) -> Iterator[None]:
    """Hold that many idle connections, and open each again that the server closes."""
    stop = threading.Event()
    thread = threading.Thread(target=_hold, args=(port, wanted, stop))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _hold(port: int, wanted: int, stop: threading.Event) -> None:
    held: list[socket.socket] = []
    while not stop.wait(0.05):
        while len(held) < wanted and not stop.is_set():
            try:
                held.append(socket.create_connection(("127.0.0.1", port), timeout=1))
            except OSError:
                break
            held[-1].setblocking(False)
        for each in tuple(held):
            with contextlib.suppress(BlockingIOError):
                try:
                    is_closed = not each.recv(1)
                except ConnectionError:
                    is_closed = True
                if is_closed:
                    held.remove(each)
                    each.close()
    for each in held:
        each.close()


def replaced_without_descriptors(_: Target) -> Seen:
    """A worker is killed while a client holds all descriptors; later, SIGTERM."""
    with own_server(shell(f'ulimit -n {OPEN_FILES}; exec "$@"')) as server:
        target = target_of(server)
        wait_until(lambda: len(worker_processes(server.pid)) == 1, "the worker")
        start = target.log_bytes()
        with all_connections(server.port, 2 * OPEN_FILES):
            wait_until(lambda: "new connections wait" in server.output, "all descriptors", 30)
            for worker in worker_processes(server.pid):
                os.kill(worker, signal.SIGKILL)
            time.sleep(HELD_SECONDS)
        lines = target.log_since(start).count("\n")
        started = time.monotonic()
        back = True
        try:
            wait_until(lambda: server.get("/readyz").status == 200, "a worker", READY_SECONDS)
        except (AssertionError, OSError):
            back = False
        seconds = time.monotonic() - started
        read = back and reads(server)
        server.terminate()
        try:
            end = server.wait(int(END_SECONDS))
        except subprocess.TimeoutExpired:
            end = -1
    text = f"ready {seconds:.1f} s later" if back else "no worker any more"
    holds = read and end == 0 and lines <= LOG_LINES
    return Seen(f"{text}, {lines} lines of log, exit {end}", holds)


ATTACKS = (
    Attack(
        "2, 7a",
        "no descriptor left for a new worker",
        "a worker again, 12 lines of log, exit 0",
        replaced_without_descriptors,
        is_quick=False,
        own_server=True,
    ),
)
