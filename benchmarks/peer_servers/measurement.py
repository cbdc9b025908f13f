"""One server over one set of pages: speed, CPU, memory, and what it read."""

from __future__ import annotations

import asyncio
import itertools
import json
import math
import random
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from uploads import Page, varied

from peer_servers.contender import Contender, Running
from peer_servers.process_tree import PssWatch, cpu_seconds
from tests.support.arrivals import Answer, Client, Request, closed_loop, percentile

SEED = 4
WARM_UP_PAGES = 8

Reading = tuple[str, tuple[str, ...]]


@dataclass(frozen=True)
class Figures:
    """One run over one set; what was not answered with 200 is `failed` and in no other figure.

    cpu_per_image: seconds of the server's whole process tree. client_cpu_seconds: of the process
    that asks and watches, of which watch_cpu_seconds went into sampling the memory.
    """

    images: int
    failed: int
    seconds: float
    images_per_second: float
    p50: float
    p95: float
    p99: float
    cpu_per_image: float
    peak_pss_mb: float
    client_cpu_seconds: float
    watch_cpu_seconds: float


@dataclass(frozen=True)
class Run:
    """The figures and what was read of each image: the page's name and the lines."""

    figures: Figures
    readings: tuple[Reading, ...]


def read_pages(manifest: Path, every: int) -> dict[str, Page]:
    """Every Nth page of a manifest whose images lie in the folder of its name."""
    entries = json.loads(manifest.read_text(encoding="utf-8"))["pages"][::every]
    folder = manifest.with_suffix("")
    return {
        entry["file"]: Page((folder / entry["file"]).read_bytes(), (*entry["lines"],))
        for entry in entries
    }


def measure(
    contender: Contender,
    server: Running,
    pages: Mapping[str, Page],
    clients: int,
    seconds: float,
) -> Run:
    """Warm the server up, then read whole passes over the pages for at least so many seconds.

    Whole passes, so that fast and slow servers read the same mixture.
    """
    few = dict(itertools.islice(pages.items(), WARM_UP_PAGES))
    asyncio.run(_ask(contender, server.port, few, clients, 0.0))
    cpu, own_cpu, start = cpu_seconds(server.pid), time.process_time(), time.perf_counter()
    with PssWatch(server.pid) as watch:
        answers = asyncio.run(_ask(contender, server.port, pages, clients, seconds))
    wall = time.perf_counter() - start
    own_cpu = time.process_time() - own_cpu
    good = [answer for answer in answers if answer.status == 200]
    latencies = [answer.seconds for answer in good]
    figures = Figures(
        images=len(good),
        failed=len(answers) - len(good),
        seconds=wall,
        images_per_second=len(good) / wall,
        p50=percentile(latencies, 50),
        p95=percentile(latencies, 95),
        p99=percentile(latencies, 99),
        cpu_per_image=(cpu_seconds(server.pid) - cpu) / max(1, len(good)),
        peak_pss_mb=watch.peak_mb,
        client_cpu_seconds=own_cpu,
        watch_cpu_seconds=watch.own_cpu_seconds,
    )
    return Run(figures, tuple((answer.name, _lines(contender, answer)) for answer in answers))


async def _ask(
    contender: Contender, port: int, pages: Mapping[str, Page], clients: int, seconds: float
) -> tuple[Answer, ...]:
    client = Client(port)
    load = await closed_loop(client, _passes(contender, pages, seconds), clients, math.inf)
    client.close()
    return load.answers


def _passes(contender: Contender, pages: Mapping[str, Page], seconds: float) -> Iterator[Request]:
    """All pages in random order, again and again, no two images equal; at least one pass."""
    randomness = random.Random(SEED)
    numbers = itertools.count()
    start = time.monotonic()
    while True:
        for name in randomness.sample(sorted(pages), len(pages)):
            yield contender.request(name, varied(pages[name].image, next(numbers)))
        if time.monotonic() - start >= seconds:
            return


def _lines(contender: Contender, answer: Answer) -> tuple[str, ...]:
    return tuple(contender.lines(answer.body)) if answer.status == 200 else ()
