"""Checks that no job is lost or done twice while servers, workers and PostgreSQL are killed.

    python benchmarks/job_chaos.py [--minutes 10] [--jobs 600] [--kill-every 5] [--seed 1]

Two servers with fake recognizers share one PostgreSQL. Jobs with webhooks are sent all the time.
Every few seconds a server or a worker is killed with SIGKILL, and PostgreSQL is stopped immediately
twice. In the end each accepted job must be done exactly once in the database, in its usage and with
its own text, and the receiver must have seen each end at least once, with a valid signature.
Exit status 1 if a check failed.
"""

from __future__ import annotations

import base64
import contextlib
import itertools
import random
import secrets
import sys
import tempfile
import threading
import time
from argparse import ArgumentParser, Namespace
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.client import HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import psycopg
from server_under_test import Verdict
from standardwebhooks import Webhook, WebhookVerificationError

from server.database.location import locate
from server.database.schema import upgrade
from tests.support.cards import card
from tests.support.http_client import Reply
from tests.support.postgresql import PostgreSQL
from tests.support.program import free_port
from tests.support.server_process import ServerProcess

TAKES_SECONDS = 0.2
RESTART_SECONDS = 1.0
DATABASE_AWAY_SECONDS = 3.0
RETRY_SECONDS = 0.3
MOST_REFUSALS = 2  # of one message
END_SECONDS = 240.0  # for the last jobs and webhooks, after the last kill
REFUSED_SHARE = 0.1  # of webhooks that the receiver answers with 500


@dataclass
class Receiver:
    """Counts the messages by job and type; some are refused, and none is trusted unverified."""

    secret: str
    random: random.Random
    seen: Counter[tuple[str, str]] = field(default_factory=Counter)
    invalid: int = 0
    refused: int = 0
    refusals: Counter[tuple[str, str]] = field(default_factory=Counter)

    def take(self, headers: dict[str, str], body: bytes) -> int:
        """The status for a message."""
        try:
            message: dict[str, Any] = Webhook(self.secret).verify(body, headers)
        except WebhookVerificationError:
            self.invalid += 1
            return 401
        name = message["data"]["id"], message["type"]
        # the third repetition would come after 5 minutes, when the run is over
        if self.random.random() < REFUSED_SHARE and self.refusals[name] < MOST_REFUSALS:
            self.refusals[name] += 1
            self.refused += 1
            return 500
        self.seen[name] += 1
        return 204


@contextlib.contextmanager
def receiving(receiver: Receiver) -> Iterator[str]:
    """The URL of the receiver, while it listens."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(receiver.take({k.lower(): v for k, v in self.headers.items()}, body))
            self.end_headers()

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/jobs"
    server.shutdown()
    server.server_close()


class Servers:
    """Two servers on fixed ports, of which at least one is running most of the time."""

    def __init__(self, folder: Path, url: str, secret: str, seed: int) -> None:
        self._random = random.Random(seed)
        self._secret = secret
        self.kills: Counter[str] = Counter()
        self.servers = [self._server(folder / name, url) for name in ("one", "two")]

    def start(self) -> None:
        """Start both, and wait until they are ready."""
        for server in self.servers:
            server.start(free_port())
        for server in self.servers:
            server.wait_until_ready("/readyz", 60.0)

    def stop(self) -> None:
        """Stop those that were started."""
        for server in self.servers:
            if server.port:
                server.stop()

    def kill_something(self) -> None:
        """Kill a server, which is started again, or one of its workers."""
        server = self._random.choice(self.servers)
        workers: list[int] = []
        with contextlib.suppress(OSError, HTTPException, KeyError, ValueError):
            workers = server.worker_pids()
        if workers and self._random.random() < 0.5:
            self.kills["workers"] += server.signal_worker(self._random.choice(workers), 9)
            return
        server.kill()
        self.kills["servers"] += 1
        time.sleep(self._random.random() * RESTART_SECONDS)
        server.start(server.port)

    def _server(self, folder: Path, url: str) -> ServerProcess:
        folder.mkdir()
        settings = {
            "ocr": {"process": {"number": 2, "queue_size": 1000}},
            "database": {"url": url},
            "jobs": {"blobs": "database"},
            "usage": {"enabled": True},
            "webhooks": {
                "secrets": [self._secret],
                "allow_http": True,
                "allow_private": ["127.0.0.0/8"],
            },
        }
        return ServerProcess(folder, settings, fakes=True)


class Sender:
    """Sends jobs at a steady rate, each until a server has accepted it, with the same key."""

    def __init__(self, servers: Servers, hook: str, arguments: Namespace) -> None:
        self._servers = servers
        self._hook = hook
        self._count = arguments.jobs
        self._pause = arguments.minutes * 60 / arguments.jobs
        self._random = random.Random(arguments.seed + 1)
        self.accepted: dict[str, str] = {}
        self.repeated = 0
        self.unexpected: list[str] = []

    def run(self) -> None:
        """Send all jobs."""
        start = time.monotonic()
        threads = []
        for number in range(self._count):
            thread = threading.Thread(target=self._send, args=(number,))
            thread.start()
            threads.append(thread)
            time.sleep(max(0.0, start + (number + 1) * self._pause - time.monotonic()))
        for thread in threads:
            thread.join()

    def _send(self, number: int) -> None:
        text = f"take {TAKES_SECONDS} job {number}"
        key = f"job-{number}-{secrets.token_hex(8)}"
        for attempt in itertools.count():
            reply = self._ask(card(text), key)
            if reply is not None and reply.status == 202:
                self.accepted[reply.json["job"]["id"]] = text
                self.repeated += attempt > 0
                return
            if reply is not None and reply.status not in (409, 503):
                self.unexpected.append(f"{reply.status} {reply.body[:200]!r}")
                return
            time.sleep(RETRY_SECONDS)

    def _ask(self, image: bytes, key: str) -> Reply | None:
        server = self._random.choice(self._servers.servers)
        try:
            return server.upload(
                image, {"Idempotency-Key": key}, block_flag="false", webhook_url=self._hook
            )
        except (OSError, HTTPException):
            return None


def main() -> int:
    """Run and print the table."""
    arguments = _parse()
    secret = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
    receiver = Receiver(secret, random.Random(arguments.seed + 2))
    verdict = Verdict()
    with (
        tempfile.TemporaryDirectory(prefix="ocr-job-chaos-") as folder,
        PostgreSQL() as database,
        receiving(receiver) as hook,
    ):
        url = database.create_database("jobs")
        upgrade(locate(url, Path(folder)))
        servers = Servers(Path(folder), url, secret, arguments.seed)
        try:
            servers.start()
            sender = Sender(servers, hook, arguments)
            _storm(servers, database, sender, arguments)
            _settle(url, receiver, sender)
            _judge(verdict, url, servers, sender, receiver)
        finally:
            servers.stop()
    return verdict.print()


def _storm(servers: Servers, database: PostgreSQL, sender: Sender, arguments: Namespace) -> None:
    """Send all jobs, and kill something every few seconds until they are sent."""
    sending = threading.Thread(target=sender.run)
    sending.start()
    start = time.monotonic()
    stops = [arguments.minutes * 60 * share for share in (1 / 3, 2 / 3)]
    while sending.is_alive():
        time.sleep(arguments.kill_every)
        servers.kill_something()
        if stops and time.monotonic() - start > stops[0]:
            del stops[0]
            database.stop()
            time.sleep(DATABASE_AWAY_SECONDS)
            database.start()
            servers.kills["PostgreSQL"] += 1
    sending.join()


def _settle(url: str, receiver: Receiver, sender: Sender) -> None:
    """Wait until all jobs have ended and their messages have arrived."""
    deadline = time.monotonic() + END_SECONDS
    while time.monotonic() < deadline:
        told = {job for job, _ in receiver.seen}
        if _unfinished(url) == 0 and told >= set(sender.accepted):
            return
        time.sleep(1.0)


def _unfinished(url: str) -> int:
    ((count,),) = _rows(url, "SELECT count(*) FROM job WHERE state IN ('queued', 'running')")
    return int(count)


def _judge(
    verdict: Verdict, url: str, servers: Servers, sender: Sender, receiver: Receiver
) -> None:
    accepted = sender.accepted
    rows = {
        job: (state, code)
        for job, state, code in _rows(url, "SELECT id, state, error_code FROM job")
    }
    events = Counter(job for (job,) in _rows(url, "SELECT id FROM usage_event"))
    ((read, failed),) = _rows(url, "SELECT sum(images), count(*) - sum(images) FROM usage_event")
    ((read_by_day, failed_by_day),) = _rows(url, "SELECT sum(images), sum(errors) FROM usage_day")
    verdict.row("killed", ", ".join(f"{n} {what}" for what, n in sorted(servers.kills.items())))
    verdict.row("accepted", f"{len(accepted)}, {sender.repeated} of them after a repeated request")
    verdict.row("other answers", str(sender.unexpected[:3] or 0), not sender.unexpected)
    lost = accepted.keys() - rows.keys()
    verdict.row("lost", str(len(lost)), not lost)
    verdict.row("jobs without a 202", str(len(rows.keys() - accepted.keys())))
    ends = Counter(f"{state} {code or ''}".strip() for state, code in rows.values())
    verdict.row("ends", str(dict(ends)), set(ends) == {"done"})
    twice = [job for job, count in events.items() if count > 1]
    missing = [job for job in accepted if not any(job in event for event in events)]
    days = f"{read_by_day} images and {failed_by_day} errors in the days"
    right = (read, failed) == (read_by_day, failed_by_day) and read == len(rows)
    verdict.row("usage", f"{read} images, {failed} errors; {days}", right)
    verdict.row("usage twice, missing", f"{len(twice)}, {len(missing)}", not twice and not missing)
    wrong = [job for job, text in accepted.items() if _text(servers, job) != text]
    verdict.row("wrong texts", str(len(wrong)), not wrong)
    unseen = accepted.keys() - {job for job, _ in receiver.seen}
    messages = sum(receiver.seen.values())
    verdict.row("webhooks", f"{messages} taken, {receiver.refused} refused", not unseen)
    verdict.row("invalid signatures", str(receiver.invalid), receiver.invalid == 0)


def _text(servers: Servers, job: str) -> str:
    reply = servers.servers[0].get(f"/jobs/{job}/result?format=text")
    return reply.body.decode().rstrip("\n")


def _rows(url: str, query: str) -> list[tuple[Any, ...]]:
    try:
        with psycopg.connect(url) as connection:
            return connection.execute(query.encode()).fetchall()
    except psycopg.OperationalError:
        return [(1,)]  # being restarted


def _parse() -> Namespace:
    parser = ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--jobs", type=int, default=600)
    parser.add_argument("--kill-every", type=float, default=5.0)
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
