"""Measures one server on one set of pages: speed, CPU, memory, and its results."""

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
    """One run on one set; answers other than 200 count only as `failed`.

    cpu_per_image: seconds of the server's process tree. client_cpu_seconds: of the measuring
    process, of which watch_cpu_seconds are for sampling memory.
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
    """The figures, and the page's name and recognized lines of each image."""

    figures: Figures
    readings: tuple[Reading, ...]


def read_pages(manifest: Path, every: int) -> dict[str, Page]:
    """Every Nth page of a manifest, whose images are in the folder of the same name."""
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
    """Warm the server up, then run complete passes over the pages for at least this time.

    Passes are complete so that fast and slow servers have the same mix of pages.
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
    """Repeated passes over all pages in random order, at least one; no two images are equal."""
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
