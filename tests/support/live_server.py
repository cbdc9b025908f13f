"""A real server in a thread of the test process, with fakes instead of models."""

from __future__ import annotations

import asyncio
import functools
import threading
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any, TypeVar

from tornado.netutil import bind_sockets

from ocr_engine.pool.pool import Pool
from ocr_engine.recognizer import Recognizer
from ocr_engine.remote.dispatcher import Dispatcher
from server.app import build_context
from server.http.routes import make_http_server
from server.main import cancel
from server.settings.loading import build
from server.settings.settings import Settings
from tests.support.fake_recognizers import load_obedient
from tests.support.http_client import Client
from tests.support.journal import begun_by
from tests.support.watching import wait_until

TASK_SECONDS = 2.0
ADMIN_KEY = "the key of the operator of the tests"

T = TypeVar("T")


class LiveServer(Client):
    """The server on its own event loop, in a thread of the test process.

    load: creates the workers' recognizer, which writes the journal. more: settings of sections
    that have no others here. process: more settings of ocr.process.
    """

    def __init__(
        self,
        folder: Path,
        number: int,
        queue_size: int,
        max_body_mb: float = 1.0,
        load: Callable[[Path], Recognizer] = load_obedient,
        more: Mapping[str, Any] | None = None,
        **process: Any,
    ) -> None:
        self.images = folder / "images"
        self.journal = folder / "journal"
        self.number = number
        self._load = load
        self._settings = fake_settings(folder, number, queue_size, max_body_mb, more, **process)
        self._started = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="server")

    def __enter__(self) -> LiveServer:
        self.images.mkdir()
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
        engine = engine.local if isinstance(engine, Dispatcher) else engine
        assert isinstance(engine, Pool)
        return engine

    def warm(self) -> int:
        """How many workers are ready."""
        return self.call(self.pool.supervisor.warm)

    def queued(self) -> int:
        """How many images are queued."""
        return self.call(self.pool.queued)

    def running(self) -> int:
        """How many images are being recognized."""
        return self.call(self.pool.running)

    def outcomes(self) -> dict[str, int]:
        """The number of requests by cache outcome since clear()."""
        return self.call(lambda: dict(self.context.metrics.cache_results))

    def clear(self) -> None:
        """Clear the counts, the journal, and that there were several users."""
        self.pool.admission._several_users = False
        self.call(self.context.metrics.cache_results.clear)
        self.journal.write_text("")

    def begun(self, text: str) -> int:
        """How often workers have begun the card since clear()."""
        return len(begun_by(self.journal, text))

    def check_whole(self) -> None:
        """Check the invariant: nothing is queued or running, and all workers are ready."""
        service = self.context.service
        wait_until(lambda: self.call(service.in_flight) == 0, "no recognition in progress")
        wait_until(lambda: self.call(self.pool.pending) == 0, "an empty backlog")
        wait_until(lambda: self.warm() == self.number, "all workers warm")
        wait_until(lambda: self.call(lambda: self.context.open_requests) == 0, "no open request")

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        load = functools.partial(self._load, self.journal)
        self.context = build_context(self._settings, load)
        server = make_http_server(self.context)
        sockets = bind_sockets(0, "127.0.0.1")
        self.port = sockets[0].getsockname()[1]
        server.add_sockets(sockets)
        self.context.service.engine.start()
        background = [asyncio.ensure_future(work.run()) for work in self.context.background]
        self._started.set()
        await self._stop.wait()
        server.stop()
        await self.context.service.engine.close()
        await self.context.documents.close()
        await cancel(background)
        await self.context.storage.close()
        await server.close_all_connections()
        await self.context.keyring.close()
        await self.context.storage.close()


def fake_settings(
    folder: Path,
    number: int,
    queue_size: int,
    max_body_mb: float,
    more: Mapping[str, Any] | None = None,
    **process: Any,
) -> Settings:
    """Settings of a small server with short timeouts."""
    return build(  # type: ignore[no-any-return]
        Settings,
        {
            "access": {"admin_key": ADMIN_KEY},
            "web_server": {
                "max_body_mb": max_body_mb,
                "filename_roots": [str(folder / "images")],
            },
            "database": {"url": f"sqlite:///{folder}/ocr.sqlite3"},
            "ocr": {
                "process": {
                    "number": number,
                    "spares": 0,
                    "queue_size": queue_size,
                    "timeout_seconds": TASK_SECONDS,
                    **process,
                }
            },
            **(more or {}),
        },
        "",
    )
