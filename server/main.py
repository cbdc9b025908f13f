"""`python setup.py` and `ocr-server serve`: parse arguments, load settings, run the server."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import sys
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ocr_engine.engine import Engine, WorkerState
from ocr_engine.errors import EngineError
from server.app import build_context
from server.http.connections import raise_descriptor_limit
from server.http.context import ServerContext
from server.http.listening import Listener
from server.http.listening_sockets import (
    CannotListen,
    ListeningSockets,
    open_sockets,
    url_to_open,
)
from server.http.routes import make_http_server
from server.operations.allocator import keep_freed_memory
from server.operations.exposure import exposure_warning
from server.operations.seldom import Seldom
from server.operations.signals import handle_signals, ignore_user_signals
from server.operations.systemd import SystemdNotifier
from server.records import open_records
from server.settings.check import check_config
from server.settings.loading import BUILT_IN, SettingsError, default_config, load_settings
from server.settings.operation_settings import LogSettings
from server.settings.paddleocr_keys import warning
from server.standard_streams import discard_unwritten, say
from server.version import VERSION

log = logging.getLogger("server")

ODD_BYTES_SECONDS = 1.0  # between log lines about bytes that are not HTTP
UNREAD_SECONDS = 5.0  # while draining, the time that clients may read nothing of their answers


def main(arguments: Sequence[str] | None = None, prog: str = "python setup.py") -> int:
    """Run the server until a signal stops it; returns the exit status."""
    ignore_user_signals()
    options = _parse(arguments, prog)
    if options.check_config:
        return check_config(options.config, _overrides(options))
    raise_descriptor_limit()
    try:
        settings = load_settings(options.config, overrides=_overrides(options))
        context = build_context(settings)
    except (SettingsError, EngineError) as error:
        say(f"ocr-server: {error}", sys.stderr)
        return 2
    if options.config is None:
        say(f"settings: {BUILT_IN}")
    if settings.ignored:
        say(f"ocr-server: {warning(settings.ignored)}", sys.stderr)
    _configure_logs(settings.log, options.access_log_level)
    try:
        listening = open_sockets(settings)
    except CannotListen as error:
        say(f"ocr-server: cannot listen on {error}", sys.stderr)
        return 2
    keep_freed_memory()
    try:
        return asyncio.run(serve(context, listening))
    finally:
        listening.remove_path()
        discard_unwritten()


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
    logging.getLogger("tornado.general").addFilter(Seldom(ODD_BYTES_SECONDS))
    access_log = logging.getLogger("server.access")
    access_log.setLevel(access_log_level)
    if settings.access_format == "json":
        handler = logging.StreamHandler()
        handler.setFormatter(AccessLogJson())
        access_log.addHandler(handler)
        access_log.propagate = False


async def serve(context: ServerContext, listening: ListeningSockets) -> int:
    """Listen, start the workers, and drain after a signal; returns the exit status."""
    try:
        await open_records(context)
    except SettingsError as error:
        say(f"ocr-server: {error}", sys.stderr)
        return 2
    stop, force = asyncio.Event(), asyncio.Event()
    handle_signals(stop, force, context.settings.web_server.grace_seconds)
    systemd = SystemdNotifier()
    server = make_http_server(context)
    server.add_sockets(listening.sockets)
    engine = context.service.engine
    engine.start()
    _print_start(context, listening)
    background = [asyncio.ensure_future(work.run()) for work in context.background]
    announcement = asyncio.ensure_future(_announce(context, listening, systemd))
    watchdog = asyncio.ensure_future(systemd.keep_alive())
    failure = asyncio.ensure_future(engine.failure())
    stopped = asyncio.ensure_future(stop.wait())
    await asyncio.wait((failure, stopped), return_when=asyncio.FIRST_COMPLETED)
    announcement.cancel()
    status = 0
    if failure.done():
        say(f"ocr-server: {failure.result()}", sys.stderr)
        status = 2
    else:
        failure.cancel()
        systemd.notify("STOPPING=1", "STATUS=draining")
        await _drain(context, server, force)
    await engine.close(force.is_set())
    await context.documents.close()
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
    if context.object_feed is not None:
        await context.object_feed.drain()
    if context.node is not None:
        await context.node.drain(grace)
    log.info("draining: refusing new images; up to %g s for the accepted ones", grace)
    forced = asyncio.ensure_future(force.wait())
    drained = asyncio.ensure_future(_wait_until_idle(context, grace))
    await asyncio.wait((forced, drained), return_when=asyncio.FIRST_COMPLETED)
    forced.cancel()
    drained.cancel()
    server.stop()
    log.info("stopped" if not force.is_set() else "stopped early by a second signal")


async def _wait_until_idle(context: ServerContext, seconds: float) -> None:
    """Wait until all accepted images are recognized and their answers are sent.

    Ends early if only answers are left and nobody reads them.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    await context.service.engine.drain(seconds)
    outgoing = context.inflight.outgoing
    before, changed_at = (0, 0), loop.time()
    while loop.time() < deadline and (context.open_requests or context.service.in_flight()):
        progress = outgoing.taken, context.open_requests
        if progress != before or context.service.in_flight() or not outgoing.total:
            before, changed_at = progress, loop.time()
        elif loop.time() - changed_at > UNREAD_SECONDS:
            log.info("draining: %d answers are not read by their clients", context.open_requests)
            return
        await asyncio.sleep(0.02)


async def cancel(tasks: Sequence[asyncio.Task[None]]) -> None:
    """Cancel background work and wait for its end; logs what went wrong in it."""
    for task in tasks:
        task.cancel()
    for result in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(result, Exception):
            log.error("background work failed", exc_info=result)


def _print_start(context: ServerContext, listening: ListeningSockets) -> None:
    threads = context.settings.ocr.predict_system.cpu_threads
    workers = context.service.engine.capacity
    say(f"ocr-server {VERSION} listens on {listening.place}")
    exposed = exposure_warning(context.settings, listening.addresses)
    if exposed is not None:
        say(f"ocr-server: {exposed}", sys.stderr)
    if context.settings.cluster.role == "front":
        say("waiting for the nodes of the cluster …")
    else:
        say(f"loading {workers} workers with {threads} thread(s) each …")


async def _announce(
    context: ServerContext, listening: ListeningSockets, systemd: SystemdNotifier
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
    say(runs)
    systemd.notify("READY=1", f"STATUS={runs}")
    while _some_are_starting(engine):
        await asyncio.sleep(0.02)
    if listening.path is not None:
        say(f"ready after {seconds:.1f} s: {listening.place}")
    else:
        address, port = listening.sockets[0].getsockname()[:2]
        say(f"ready after {seconds:.1f} s: open {url_to_open(address, port)}")


def _some_are_starting(engine: Engine) -> bool:
    """Whether workers are starting. Spares, which start after all workers, do not count."""
    states = Counter(worker.state for worker in engine.stats().workers)
    warm = states[WorkerState.READY] + states[WorkerState.BUSY]
    return states[WorkerState.STARTING] > 0 and warm < engine.capacity


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
    parser.add_argument("--role", help="what this process does in a cluster: all, front or node")
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
        "cluster.role": options.role,
    }
    return {key: value for key, value in given.items() if value is not None}
