"""Real servers for tests: in a thread with fakes, or as a process; and a plain HTTP client."""

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
from dataclasses import dataclass
from email.message import Message
from http.client import HTTPConnection
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from tornado.netutil import bind_sockets

from fake_recognizers import load_obedient
from server.app import build_context, make_http_server
from server.settings import Settings, build
from watching import wait_until

TESTS = Path(__file__).resolve().parent
ROOT = TESTS.parent
PICTURES = TESTS / "data" / "pages"
TASK_SECONDS = 2.0

T = TypeVar("T")

_WITH_FAKES = """
import functools, sys
sys.path[:0] = [{root!r}, {tests!r}]
import fake_recognizers, server.main
server.main.build_context = functools.partial(
    server.main.build_context, load=fake_recognizers.load_obedient
)
sys.exit(server.main.main(sys.argv[1:]))
"""


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer."""

    status: int
    headers: Message
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def text(self) -> str:
        """The text that was recognized."""
        return str(self.json["data"]["text"])

    @property
    def code(self) -> str:
        """The code of an error."""
        return str(self.json["error"]["code"])


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a multipart body; a file if it has a filename."""

    name: str
    value: bytes
    filename: str | None = None


def picture_part(picture: bytes, filename: str = "page.png") -> Part:
    """The part that the picture comes in."""
    return Part("file", picture, filename)


def multipart(parts: Sequence[Part]) -> tuple[bytes, dict[str, str]]:
    """A multipart/form-data body and its header."""
    boundary = "a-boundary-that-no-picture-has"
    body = b""
    for part in parts:
        named = f'; filename="{part.filename}"' if part.filename is not None else ""
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{part.name}"{named}\r\n\r\n'
        body += head.encode() + part.value + b"\r\n"
    body += f"--{boundary}--\r\n".encode()
    return body, {"Content-Type": f"multipart/form-data; boundary={boundary}"}


class Client:
    """Requests to a server on this machine, each over its own connection."""

    port = 0

    def request(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Send and wait for the answer."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body, dict(headers or {}))
            answer = connection.getresponse()
            return Reply(answer.status, answer.headers, answer.read())
        finally:
            connection.close()

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> Reply:
        """GET."""
        return self.request("GET", path, None, headers)

    def upload(
        self,
        picture: bytes,
        headers: Mapping[str, str] | None = None,
        /,
        path: str = "/ocr_service",
        **fields: str,
    ) -> Reply:
        """POST a picture as form-data, with fields."""
        parts = [Part(name, value.encode()) for name, value in fields.items()]
        body, content_type = multipart([*parts, picture_part(picture)])
        return self.request("POST", path, body, {**content_type, **(headers or {})})

    def post_json(self, value: object, path: str = "/ocr_service") -> Reply:
        """POST JSON; ASCII, so that every value can be sent."""
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        return self.request("POST", path, body, {"Content-Type": "application/json"})


class LiveServer(Client):
    """The server on a loop of its own in a thread of the test process, with Obedient workers."""

    def __init__(self, folder: Path, number: int, queue_size: int) -> None:
        self.pictures = folder / "pictures"
        self.journal = folder / "journal"
        self.number = number
        self._settings = fake_settings(folder, number, queue_size)
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

    def warm(self) -> int:
        """How many workers are warm."""
        return self.call(self.context.service.pool.supervisor.warm)

    def queued(self) -> int:
        """How many pictures wait."""
        return self.call(self.context.service.pool.queued)

    def running(self) -> int:
        """How many pictures are being read."""
        return self.call(self.context.service.pool.running)

    def outcomes(self) -> dict[str, int]:
        """How often the cache was hit, joined or missed since clear()."""
        return self.call(lambda: dict(self.context.service.outcomes))

    def clear(self) -> None:
        """Forget what was counted and written."""
        self.call(self.context.service.outcomes.clear)
        self.journal.write_text("")

    def begun(self, text: str) -> int:
        """How often a worker has begun to read the card since clear()."""
        return sum(
            line.partition(" ")[2] == f"begin {text}"
            for line in self.journal.read_text().splitlines()
        )

    def check_whole(self) -> None:
        """The invariant after every fault: nothing waits, nothing runs, all workers are ready."""
        service = self.context.service
        wait_until(lambda: self.call(service.in_flight) == 0, "no recognition under way")
        wait_until(lambda: self.call(service.pool.pending) == 0, "an empty backlog")
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
        self.context.service.pool.start()
        self._started.set()
        await self._stop.wait()
        server.stop()
        await self.context.service.pool.close()
        await server.close_all_connections()


def fake_settings(folder: Path, number: int, queue_size: int) -> Settings:
    """Settings for a small and impatient server."""
    return build(  # type: ignore[no-any-return]
        Settings,
        {
            "web_server": {"max_body_mb": 1, "filename_roots": [str(folder / "pictures")]},
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
    """`python setup.py --config … --port 0` as a process; fakes: with Obedient workers."""

    def __init__(
        self,
        folder: Path,
        settings: Mapping[str, Any],
        fakes: bool = False,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = folder
        self._environment = {**os.environ, **(environment or {})}
        self._config = folder / "config.json"
        self._config.write_text(json.dumps(settings))
        self._log = folder / "server.log"
        code = _WITH_FAKES.format(root=str(ROOT), tests=str(TESTS))
        self._program = ["-c", code] if fakes else [str(ROOT / "setup.py")]

    def start(self) -> None:
        """Start it and wait until it listens."""
        command = [sys.executable, *self._program, "--config", str(self._config), "--port", "0"]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                command, stdout=log, stderr=subprocess.STDOUT, env=self._environment
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
        if self._process.poll() is None:
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
    def output(self) -> str:
        """Everything that was printed and logged."""
        return self._log.read_text(errors="replace")

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
