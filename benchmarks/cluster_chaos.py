"""Checks that a cluster loses nothing while each of its parts is killed in turn.

    python benchmarks/cluster_chaos.py [--minutes 10] [--clients 3] [--pause 8] [--seed 1]

nginx before two front ends, two nodes with the real models, RabbitMQ, two Redis and PostgreSQL, as
`make cluster` starts them. Clients send new images all the time, each as a job with an
Idempotency-Key or as a request that waits, and repeat what was not answered. Every few seconds one
part is killed with SIGKILL and started again. In the end each image must have been answered with
its own text, and each job must be once in the usage. Exit status 1 if a check failed.
"""

from __future__ import annotations

import itertools
import json
import random
import secrets
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from argparse import ArgumentParser, Namespace
from collections import Counter
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from typing import Any

import psycopg
from server_under_test import Verdict

from cluster_parts import ClusterPlan, remove_data
from local_cluster import CannotStart, LocalCluster, stop_all
from tests.support.checkout import ROOT

PAGES = ("document_en_garden.png", "document_en_letter.png", "document_en_science.png")
VICTIMS = ("node1", "front1", "rabbitmq", "redis-state", "node2", "redis-cache", "front2")
VICTIMS_AT_THE_END = ("postgresql", "nginx")
RETRY_SECONDS = 0.5
REQUEST_SECONDS = 60.0
PATIENCE_SECONDS = 240.0  # for one image, with all its repetitions
AWAY_SECONDS = 1.0


@dataclass
class Seen:
    """What clients have seen. waits: seconds until an image was answered, repetitions included."""

    texts: dict[str, str] = field(default_factory=dict)
    answered: Counter[str] = field(default_factory=Counter)
    jobs: set[str] = field(default_factory=set)
    repeated: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)


class Client:
    """Sends images one after the other, each until it is answered."""

    def __init__(self, url: str, seen: Seen, seed: int, stop: threading.Event) -> None:
        self._url = url
        self._seen = seen
        self._random = random.Random(seed)
        self._stop = stop
        self._numbers = itertools.count(seed * 1_000_000)

    def run(self) -> None:
        """Send until the end."""
        while not self._stop.is_set():
            page = self._random.choice(PAGES)
            image = (ROOT / "tests" / "data" / "pages" / page).read_bytes()
            image += b"%d" % next(self._numbers)  # after its end: another image with the same text
            started = time.monotonic()
            text = self._read(image, as_job=self._random.random() < 0.5)
            self._seen.waits.append(time.monotonic() - started)
            if text is None:
                self._seen.problems.append(f"{page}: not answered")
            elif text != self._seen.texts[page]:
                self._seen.problems.append(f"{page}: another text: {text[:60]!r}")
            else:
                self._seen.answered[page] += 1

    def _read(self, image: bytes, as_job: bool) -> str | None:
        key = {"Idempotency-Key": secrets.token_hex(16)}
        if not as_job:
            answer = self._until("POST", "/ocr", image, key, (200,))
            return None if answer is None else str(answer["data"]["text"])
        accepted = self._until("POST", "/ocr?block_flag=false", image, key, (202,))
        if accepted is None:
            return None
        job = accepted["job"]["id"]
        self._seen.jobs.add(job)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            state = self._until("GET", f"/jobs/{job}?wait=20", None, {}, (200,))
            if state is None or state["job"]["state"] not in ("queued", "running"):
                break
        answer = self._until("GET", f"/jobs/{job}/result", None, {}, (200,))
        return None if answer is None else str(answer["data"]["text"])

    def _until(
        self,
        method: str,
        path: str,
        body: bytes | None,
        headers: dict[str, str],
        good: tuple[int, ...],
    ) -> Any:
        """The answer of the first try that is good; None if there is none."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            status, data = self._try(method, path, body, headers)
            if status in good:
                return json.loads(data)
            self._seen.repeated[f"{status} {_code(data)}".strip()] += 1
            if status not in (0, 409, 429, 500, 502, 503, 504):
                self._seen.problems.append(f"{method} {path}: {status} {data[:100]!r}")
                return None
            time.sleep(RETRY_SECONDS)
        return None

    def _try(
        self, method: str, path: str, body: bytes | None, headers: dict[str, str]
    ) -> tuple[int, bytes]:
        given = {"Content-Type": "image/png", **headers} if body else headers
        request = urllib.request.Request(self._url + path, body, given, method=method)
        try:
            with urllib.request.urlopen(request, timeout=REQUEST_SECONDS) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()
        except (OSError, HTTPException):
            return 0, b""


def _code(data: bytes) -> str:
    try:
        return str(json.loads(data)["error"]["code"])
    except (ValueError, KeyError, TypeError):
        return ""


def main() -> int:
    """Run and print the table."""
    arguments = _parse()
    verdict = Verdict()
    folder = Path(tempfile.gettempdir()) / f"ocr-cluster-chaos-{secrets.token_hex(4)}"
    plan = ClusterPlan(folder, nodes=2, fronts=2, workers=1)
    cluster = LocalCluster(plan)
    try:
        cluster.start_all()
        seen = Seen()
        kills = _storm(cluster, seen, arguments)
        _judge(verdict, plan, seen, kills)
    except CannotStart as error:
        verdict.row("cluster", str(error), False)
    finally:
        stop_all(folder)
        remove_data(folder)
    return verdict.print()


def _storm(cluster: LocalCluster, seen: Seen, arguments: Namespace) -> Counter[str]:
    """Clients send, and one part after the other is killed and started again."""
    stop = threading.Event()
    clients = [
        Client(cluster.plan.url, seen, arguments.seed + number, stop)
        for number in range(arguments.clients)
    ]
    for page in PAGES:  # what is right
        image = (ROOT / "tests" / "data" / "pages" / page).read_bytes()
        text = clients[0]._read(image, as_job=False)
        assert text, page
        seen.texts[page] = text
    seen.repeated.clear()
    threads = [threading.Thread(target=client.run) for client in clients]
    for thread in threads:
        thread.start()
    kills: Counter[str] = Counter()
    end = time.monotonic() + arguments.minutes * 60
    victims = itertools.cycle((*VICTIMS, *VICTIMS_AT_THE_END))
    while time.monotonic() < end:
        time.sleep(arguments.pause)
        name = next(victims)
        cluster.kill(name)
        kills[name] += 1
        time.sleep(AWAY_SECONDS)
        cluster.start(name)
        cluster.wait_for(name)
    time.sleep(arguments.pause)
    stop.set()
    for thread in threads:
        thread.join()
    return kills


def _judge(verdict: Verdict, plan: ClusterPlan, seen: Seen, kills: Counter[str]) -> None:
    verdict.row("killed", ", ".join(f"{name} {n}" for name, n in sorted(kills.items())))
    answered = sum(seen.answered.values())
    verdict.row("answered with the right text", str(answered), answered > 0)
    verdict.row("lost or wrong", str(seen.problems[:3] or 0), not seen.problems)
    verdict.row("repeated", str(dict(seen.repeated.most_common(6))))
    waits = sorted(seen.waits)
    p50, p95 = (waits[int(len(waits) * share)] for share in (0.5, 0.95))
    verdict.row("seconds to an answer", f"median {p50:.1f}, p95 {p95:.1f}, most {waits[-1]:.1f}")
    rows, events = _rows(plan, "SELECT id, state FROM job"), _events(plan)
    states = Counter(state for _, state in rows)
    verdict.row("jobs", f"{len(rows)}, {dict(states)}", set(states) <= {"done"})
    lost = seen.jobs - {job for job, _ in rows}
    verdict.row("jobs lost", str(len(lost)), not lost)
    twice = [event for event, count in events.items() if count > 1]
    missing = [job for job in seen.jobs if not any(job in event for event in events)]
    verdict.row("usage twice", str(len(twice)), not twice)
    verdict.row("jobs missing in the usage", str(len(missing)), not missing)


def _events(plan: ClusterPlan) -> Counter[str]:
    """The usage events, once those of the journals are in the database."""
    deadline = time.monotonic() + 30
    while True:
        found = Counter(event for (event,) in _rows(plan, "SELECT id FROM usage_event"))
        if time.monotonic() > deadline:
            return found
        time.sleep(5.0)


def _rows(plan: ClusterPlan, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(plan.database_url) as connection:
        return connection.execute(query.encode()).fetchall()


def _parse() -> Namespace:
    parser = ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--clients", type=int, default=3)
    parser.add_argument("--pause", type=float, default=8.0, help="seconds between two kills")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
