"""A small cluster for tests: front ends and nodes as processes, usually with fakes for models."""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests.support.server_process import START_SECONDS, ServerProcess
from tests.support.watching import wait_until, worker_processes

TASK_SECONDS = 10.0


class Cluster:
    """Starts processes of one cluster, and ends them in the end. Each has a folder in `folder`.

    broker, state, cache: the URLs of the servers; cache: None: the same as state. more: settings
    of all processes; process: of their section ocr.process.
    quiet: what they print is not shown. fakes: False: they read with the models.
    """

    def __init__(
        self,
        folder: Path,
        broker: str,
        state: str,
        cache: str | None = None,
        more: Mapping[str, Any] | None = None,
        process: Mapping[str, Any] | None = None,
        quiet: bool = False,
        fakes: bool = True,
    ) -> None:
        self.folder = folder
        self._urls = {"broker_url": broker, "state_url": state, "cache_url": cache or state}
        self._more = more or {}
        self._quiet = quiet
        self._fakes = fakes
        self._process = {"number": 1, "timeout_seconds": TASK_SECONDS, **(process or {})}
        self._numbers = itertools.count(1)
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Cluster:
        return self

    def __exit__(self, *error: Any) -> None:
        self._stack.__exit__(*error)

    def node(
        self, load: str = "load_obedient", precision: str = "auto", **process: Any
    ) -> ServerProcess:
        """Start a node that is ready; process: settings of ocr.process."""
        return self._start("node", load, process, precision)

    def front(self, **process: Any) -> ServerProcess:
        """Start a front end that is ready, for which a node must be."""
        return self._start("front", "load_obedient", process)

    def nodes(self, number: int, **process: Any) -> list[ServerProcess]:
        """Start several nodes at the same time."""
        return self._all(lambda _: self.node(**process), number)

    def fronts(self, number: int, **process: Any) -> list[ServerProcess]:
        """Start several front ends at the same time."""
        return self._all(lambda _: self.front(**process), number)

    def _all(self, start: Callable[[int], ServerProcess], number: int) -> list[ServerProcess]:
        with ThreadPoolExecutor(number) as threads:
            return list(threads.map(start, range(number)))

    def _start(
        self, role: str, load: str, process: dict[str, Any], precision: str = "auto"
    ) -> ServerProcess:
        folder = self.folder / f"{role}{next(self._numbers)}"
        folder.mkdir()
        settings = {
            "cluster": {**self._urls, "role": role, **self._more.get("cluster", {})},
            "ocr": {
                "precision": precision,
                "process": {**self._process, **process},
            },
            **{name: values for name, values in self._more.items() if name != "cluster"},
        }
        server = ServerProcess(folder, settings, fakes=self._fakes, load=load, stop_seconds=20.0)
        server.listen_seconds = START_SECONDS  # several of them start together
        self._stack.callback(end, server, self._quiet)
        server.start()
        server.wait_until_ready("/readyz", START_SECONDS)
        return server


def kill_node(node: ServerProcess) -> None:
    """SIGKILL for a node; its workers end with it."""
    workers = worker_processes(node.pid)
    node.kill()
    wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers), "no workers")


@contextlib.contextmanager
def frozen(server: ServerProcess) -> Iterator[None]:
    """SIGSTOP for a process and its workers, and SIGCONT in the end."""
    pids = {server.pid, *worker_processes(server.pid)}
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


def end(server: ServerProcess, quiet: bool) -> None:
    """Stop a process, whatever a test has done to it; what it printed is shown if a test fails."""
    with contextlib.suppress(AttributeError):  # it was not started
        if server.is_running:
            os.kill(server.pid, signal.SIGCONT)
        server.stop()
        if quiet:
            return
        lines = [line for line in server.output.splitlines() if "server.access" not in line]
        print(f"--- {server.folder.name}", *lines, sep="\n")
