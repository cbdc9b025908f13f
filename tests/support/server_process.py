"""Real servers for tests: in a thread with fakes, or as a process."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from tornado.netutil import bind_sockets

from ocr_engine.pool.pool import Pool
from server.app import PATIENCE_SECONDS, build_context, make_http_server
from server.settings import Settings, build
from tests.support.fake_recognizers import load_obedient
from tests.support.http_client import Client, Part, Reply, multipart, picture_part
from tests.support.watching import wait_until

__all__ = ["LiveServer", "Part", "Reply", "ServerProcess", "multipart", "picture_part", "run_setup"]

TESTS = Path(__file__).resolve().parent
ROOT = TESTS.parent
PICTURES = TESTS / "data" / "pages"
TASK_SECONDS = 2.0

T = TypeVar("T")

_WITH_FAKES = """
import functools, pathlib, sys
sys.path[:0] = [{root!r}, {tests!r}]
import server.main
from tests.support import fake_recognizers
server.main.build_context = functools.partial(
    server.main.build_context,
    load=functools.partial(fake_recognizers.{load}, pathlib.Path({journal!r})),
    patience_seconds={patience},
)
sys.exit(server.main.main(sys.argv[1:]))
"""


class LiveServer(Client):
    """The server on a loop of its own in a thread of the test process, with Obedient workers."""

    def __init__(
        self, folder: Path, number: int, queue_size: int, max_body_mb: float = 1.0
    ) -> None:
        self.pictures = folder / "pictures"
        self.journal = folder / "journal"
        self.number = number
        self._settings = fake_settings(folder, number, queue_size, max_body_mb)
        self._started = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="server")

    def __enter__(self) -> LiveServer:
        self.pictures.mkdir()
        self._thread.start()
        assert self._started.wait(10), "the server did not start"
        wait_until(lambda: self.warm() == self.number, "all workers warm")
        return self

    def __exit__(self, *_: object) -> None:
        self.call(self._stop.set)
        self._thread.join(20)
        assert not self._thread.is_alive(), "the server does not stop"

    def call(self, function: Callable[[], T]) -> T:
        """Run a function on the server's loop."""

        async def call() -> T:
            return function()

        return self.run(call)

    def run(self, function: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Run a coroutine function on the server's loop."""
        return asyncio.run_coroutine_threadsafe(function(), self._loop).result(20)

    @property
    def pool(self) -> Pool:
        """The engine behind the service."""
        engine = self.context.service.engine
        assert isinstance(engine, Pool)
        return engine

    def warm(self) -> int:
        """How many workers are warm."""
        return self.call(self.pool.supervisor.warm)

    def queued(self) -> int:
        """How many pictures wait."""
        return self.call(self.pool.queued)

    def running(self) -> int:
        """How many pictures are being read."""
        return self.call(self.pool.running)

    def outcomes(self) -> dict[str, int]:
        """How often the cache was hit, joined or missed since clear()."""
        return self.call(lambda: dict(self.context.metrics.cache_results))

    def clear(self) -> None:
        """Forget what was counted and written."""
        self.call(self.context.metrics.cache_results.clear)
        self.journal.write_text("")

    def begun(self, text: str) -> int:
        """How often a worker has begun to read the card since clear()."""
        return len(begun_by(self.journal, text))

    def check_whole(self) -> None:
        """The invariant after every fault: nothing waits, nothing runs, all workers are ready."""
        service = self.context.service
        wait_until(lambda: self.call(service.in_flight) == 0, "no recognition under way")
        wait_until(lambda: self.call(self.pool.pending) == 0, "an empty backlog")
        wait_until(lambda: self.warm() == self.number, "all workers warm")
        wait_until(lambda: self.call(lambda: self.context.open_requests) == 0, "no open request")

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        load = functools.partial(load_obedient, self.journal)
        self.context = build_context(self._settings, load)
        server = make_http_server(self.context)
        sockets = bind_sockets(0, "127.0.0.1")
        self.port = sockets[0].getsockname()[1]
        server.add_sockets(sockets)
        self.context.service.engine.start()
        self._started.set()
        await self._stop.wait()
        server.stop()
        await self.context.service.engine.close()
        await server.close_all_connections()


def begun_by(journal: Path, text: str) -> list[int]:
    """The pids that a journal has for the beginnings of a card."""
    noted = [line.partition(" ") for line in journal.read_text().splitlines()]
    return [int(pid) for pid, _, event in noted if event == f"begin {text}"]


def fake_settings(folder: Path, number: int, queue_size: int, max_body_mb: float) -> Settings:
    """Settings for a small and impatient server."""
    return build(  # type: ignore[no-any-return]
        Settings,
        {
            "web_server": {
                "max_body_mb": max_body_mb,
                "filename_roots": [str(folder / "pictures")],
            },
            "ocr": {
                "process": {
                    "number": number,
                    "queue_size": queue_size,
                    "timeout_seconds": TASK_SECONDS,
                }
            },
        },
        "",
    )


class ServerProcess(Client):
    """`python setup.py --config … --port 0` as a process.

    fakes: with recognizers of fake_recognizers, as the loader `load` there makes them; they write
    `journal`. prefix: a command that starts the server's command. patience: seconds that a client
    may take nothing of its answer, with fakes only.
    """

    def __init__(
        self,
        folder: Path,
        settings: Mapping[str, Any],
        fakes: bool = False,
        environment: Mapping[str, str] | None = None,
        load: str = "load_obedient",
        prefix: Sequence[str] = (),
        patience: float = PATIENCE_SECONDS,
    ) -> None:
        self.folder = folder
        self.journal = folder / "journal"
        self.journal.touch()
        self._environment = {**os.environ, **(environment or {})}
        self._prefix = prefix
        self._config = folder / "config.json"
        self._config.write_text(json.dumps(settings))
        self._log = folder / "server.log"
        code = _WITH_FAKES.format(
            root=str(ROOT),
            tests=str(TESTS),
            load=load,
            journal=str(self.journal),
            patience=patience,
        )
        self._program = ["-c", code] if fakes else [str(ROOT / "setup.py")]

    def start(self, port: int = 0) -> None:
        """Start it and wait until it listens; on any free port, if none is given."""
        arguments = ["--config", str(self._config), "--port", str(port)]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [*self._prefix, sys.executable, *self._program, *arguments],
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self._environment,
            )
        wait_until(self._find_port, "the line with the port")

    def __enter__(self) -> ServerProcess:
        try:
            self.start()
            wait_until(lambda: self.get("/readyz").status == 200, "/readyz", 60)
        except BaseException:
            self.__exit__(None, None, None)
            print(self.output)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.is_running:
            self._process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(10)
        self._process.kill()
        self._process.wait()
        if error is not None:
            print(self.output)

    @property
    def pid(self) -> int:
        """The front end's process id."""
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether it has not left yet."""
        return self._process.poll() is None

    @property
    def output(self) -> str:
        """Everything that was printed and logged."""
        return self._log.read_text(errors="replace")

    def begun(self, text: str) -> int:
        """How often a worker has begun to read the card."""
        return len(begun_by(self.journal, text))

    def begun_by(self, text: str) -> list[int]:
        """The workers that have begun to read the card, one for each time."""
        return begun_by(self.journal, text)

    def terminate(self) -> None:
        """SIGTERM."""
        self._process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL, and reap it."""
        self._process.kill()
        self._process.wait()

    def wait(self, seconds: float = 20) -> int:
        """Its exit status, once it has left."""
        return self._process.wait(seconds)

    def _find_port(self) -> bool:
        assert self._process.poll() is None, f"the server left:\n{self.output}"
        found = re.search(r"listens on http://[^ ]+:(\d+)\n", self.output)
        self.port = int(found[1]) if found else 0
        return found is not None


def run_setup(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """`python setup.py ARGUMENTS` until it leaves by itself."""
    return subprocess.run(
        [sys.executable, str(ROOT / "setup.py"), *arguments],
        capture_output=True,
        text=True,
        timeout=30,
        env={**os.environ, **environment},
        check=False,
    )
