"""`python setup.py` and `ocr-server serve`: parse arguments, load settings, run the server."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import faulthandler
import json
import logging
import signal
import socket
import sys
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tornado.netutil import bind_sockets

from ocr_engine.engine import Engine, WorkerState
from ocr_engine.errors import EngineError
from server.app import build_context, open_records
from server.http.connections import raise_descriptor_limit
from server.http.context import ServerContext
from server.http.listening import Listener
from server.http.routes import make_http_server
from server.operations.allocator import keep_freed_memory
from server.operations.exposure import exposure_warning
from server.operations.systemd import SystemdNotifier
from server.settings.check import check_config
from server.settings.loading import BUILT_IN, SettingsError, default_config, load_settings
from server.settings.paddleocr_keys import warning
from server.settings.settings import LogSettings
from server.version import VERSION

log = logging.getLogger("server")

LISTEN_BACKLOG = 4096  # connections that wait in the kernel to be accepted
CLOSE_SECONDS = 15.0  # after the grace time, to stop what the drain left running
FORCE_SECONDS = 3.0  # a second signal ends the process within this time
_LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # no browser opens the address for "all"


def main(arguments: Sequence[str] | None = None, prog: str = "python setup.py") -> int:
    """Run the server until a signal stops it; returns the exit status."""
    options = _parse(arguments, prog)
    if options.check_config:
        return check_config(options.config, _overrides(options))
    raise_descriptor_limit()
    try:
        settings = load_settings(options.config, overrides=_overrides(options))
        context = build_context(settings)
    except (SettingsError, EngineError) as error:
        print(f"ocr-server: {error}", file=sys.stderr)
        return 2
    if options.config is None:
        print(f"settings: {BUILT_IN}", flush=True)
    if settings.ignored:
        print(f"ocr-server: {warning(settings.ignored)}", file=sys.stderr, flush=True)
    _configure_logs(settings.log, options.access_log_level)
    try:
        address = settings.web_server.address
        sockets = bind_sockets(settings.web_server.port, address, backlog=LISTEN_BACKLOG)
    except OSError as error:
        print(
            f"ocr-server: cannot listen on {address}:{settings.web_server.port}: "
            f"{error.strerror}; if another server is running, choose another port with --port",
            file=sys.stderr,
        )
        return 2
    keep_freed_memory()
    return asyncio.run(serve(context, sockets))


class AccessLogJson(logging.Formatter):
    """A line of the access log as a JSON object."""

    def format(self, record: logging.LogRecord) -> str:
        """The time in UTC, the level, and the named arguments; null for what is not known."""
        assert isinstance(record.args, dict)
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        values: dict[str, Any] = {"time": time, "level": record.levelname, **record.args}
        values["ms"] = round(values["ms"], 1)
        for name in ("client", "cache"):
            values[name] = None if values[name] == "-" else values[name]
        return json.dumps(values, ensure_ascii=False)


def _configure_logs(settings: LogSettings, access_log_level: str) -> None:
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    logging.getLogger("python_multipart").setLevel(logging.ERROR)  # it warns about broken bodies
    logging.getLogger("alembic").setLevel(logging.WARNING)  # it logs each step
    access_log = logging.getLogger("server.access")
    access_log.setLevel(access_log_level)
    if settings.access_format == "json":
        handler = logging.StreamHandler()
        handler.setFormatter(AccessLogJson())
        access_log.addHandler(handler)
        access_log.propagate = False


async def serve(context: ServerContext, sockets: list[socket.socket]) -> int:
    """Listen, start the workers, and drain after a signal; returns the exit status."""
    try:
        await open_records(context)
    except SettingsError as error:
        print(f"ocr-server: {error}", file=sys.stderr)
        return 2
    stop, force = asyncio.Event(), asyncio.Event()
    handle_signals(stop, force, context.settings.web_server.grace_seconds)
    systemd = SystemdNotifier()
    server = make_http_server(context)
    server.add_sockets(sockets)
    engine = context.service.engine
    engine.start()
    _print_start(context, sockets)
    background = [asyncio.ensure_future(work.run()) for work in context.background]
    announcement = asyncio.ensure_future(_announce(context, sockets, systemd))
    watchdog = asyncio.ensure_future(systemd.keep_alive())
    failure = asyncio.ensure_future(engine.failure())
    stopped = asyncio.ensure_future(stop.wait())
    await asyncio.wait((failure, stopped), return_when=asyncio.FIRST_COMPLETED)
    announcement.cancel()
    status = 0
    if failure.done():
        print(f"ocr-server: {failure.result()}", file=sys.stderr)
        status = 2
    else:
        failure.cancel()
        systemd.notify("STOPPING=1", "STATUS=draining")
        await _drain(context, server, force)
    await engine.close(force.is_set())
    await server.close_all_connections()
    await cancel(background)
    await context.keyring.close()
    await context.storage.close()
    watchdog.cancel()
    return status


async def _drain(context: ServerContext, server: Listener, force: asyncio.Event) -> None:
    """Finish accepted requests within the grace time; a second signal ends this early."""
    grace = context.settings.web_server.grace_seconds
    context.draining = True
    await context.jobs.drain()
    log.info("draining: refusing new images; up to %g s for the accepted ones", grace)
    forced = asyncio.ensure_future(force.wait())
    drained = asyncio.ensure_future(_wait_until_idle(context, grace))
    await asyncio.wait((forced, drained), return_when=asyncio.FIRST_COMPLETED)
    forced.cancel()
    drained.cancel()
    server.stop()
    log.info("stopped" if not force.is_set() else "stopped early by a second signal")


async def _wait_until_idle(context: ServerContext, seconds: float) -> None:
    """Wait until all accepted images are recognized and their answers are sent."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    await context.service.engine.drain(seconds)
    while loop.time() < deadline and (context.open_requests or context.service.in_flight()):
        await asyncio.sleep(0.02)


async def cancel(tasks: Sequence[asyncio.Task[None]]) -> None:
    """Cancel background work and wait for its end; logs what went wrong in it."""
    for task in tasks:
        task.cancel()
    for result in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(result, Exception):
            log.error("background work failed", exc_info=result)


def handle_signals(stop: asyncio.Event, force: asyncio.Event, grace_seconds: float) -> None:
    """Set stop on the first signal and force on the second; each also starts an exit timer."""

    def handle() -> None:
        if stop.is_set():
            force.set()
        stop.set()
        exit_within(FORCE_SECONDS if force.is_set() else grace_seconds + CLOSE_SECONDS)

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, handle)


def exit_within(seconds: float) -> None:
    """Exit with status 1 after this time, and print where each thread was.

    Otherwise a thread stuck in a system call, as on a disk that does not answer, would keep the
    process alive.
    """
    with contextlib.suppress(RuntimeError, ValueError, OSError):  # no thread or no stderr
        faulthandler.dump_traceback_later(seconds, exit=True)


def _print_start(context: ServerContext, sockets: list[socket.socket]) -> None:
    address, port = sockets[0].getsockname()[:2]
    threads = context.settings.ocr.predict_system.cpu_threads
    workers = context.service.engine.capacity
    print(f"ocr-server {VERSION} listens on {_url(address, port)}", flush=True)
    listening = [each.getsockname()[0] for each in sockets]
    exposed = exposure_warning(context.settings, listening)
    if exposed is not None:
        print(f"ocr-server: {exposed}", file=sys.stderr, flush=True)
    print(f"loading {workers} workers with {threads} thread(s) each …", flush=True)


async def _announce(
    context: ServerContext, sockets: list[socket.socket], systemd: SystemdNotifier
) -> None:
    """Tell systemd when the first worker is warm; print the URL when all workers have started.

    Each worker logs that it is ready, and the URL should be printed last.
    """
    engine = context.service.engine
    while (info := engine.info) is None or not context.ready():
        await asyncio.sleep(0.02)
    seconds = context.uptime_seconds()
    runs = (
        f"engine {info.engine} ({info.precision}), models {info.models}, "
        f"{engine.capacity} workers x {info.threads} thread(s)"
    )
    print(runs, flush=True)
    systemd.notify("READY=1", f"STATUS={runs}")
    while _some_are_starting(engine):
        await asyncio.sleep(0.02)
    url = url_to_open(*sockets[0].getsockname()[:2])
    print(f"ready after {seconds:.1f} s: open {url}", flush=True)


def _some_are_starting(engine: Engine) -> bool:
    """Whether workers are being loaded; spares start when all workers have."""
    states = Counter(worker.state for worker in engine.stats().workers)
    warm = states[WorkerState.READY] + states[WorkerState.BUSY]
    return states[WorkerState.STARTING] > 0 and warm < engine.capacity


def url_to_open(address: str, port: int) -> str:
    """The URL of the page, for a browser on this machine."""
    return _url(_LOOPBACK.get(address, address), port) + "/"


def _url(address: str, port: int) -> str:
    return f"http://[{address}]:{port}" if ":" in address else f"http://{address}:{port}"


def _parse(arguments: Sequence[str] | None, prog: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog=prog, description="Start the OCR server. docs/configuration.md lists its settings."
    )
    parser.add_argument(
        "--config",
        type=Path,
        default=default_config(),
        help="settings file; default: config.json next to setup.py, or built-in defaults",
    )
    parser.add_argument("--port", help="listen on this port (0: any free port)")
    parser.add_argument("--address", help="listen on this address")
    parser.add_argument("--workers", help="number of worker processes (0: one per core)")
    parser.add_argument(
        "--check-config", action="store_true", help="check settings and models, then exit"
    )
    parser.add_argument(
        "--access-log-level",
        default="INFO",
        choices=("INFO", "WARNING"),
        help="WARNING logs only failed requests",
    )
    parser.add_argument("--version", action="version", version=VERSION)
    return parser.parse_args(arguments)


def _overrides(options: argparse.Namespace) -> dict[str, str]:
    given = {
        "web_server.port": options.port,
        "web_server.address": options.address,
        "ocr.process.number": options.workers,
    }
    return {key: value for key, value in given.items() if value is not None}
