"""Kills workers continuously while each image takes a second; no image may be lost or refused.

    python benchmarks/kills.py [--minutes 10] [--baseline-minutes 2] [--kill-every 2] [--clients 4]
                               [--workers 2] [--spares 1] [--seed 1]

Twelve images, each combined from enough pages to take about a second on this machine, are sent in
a loop without a cache, first without kills. Many do not succeed at the first attempt; none may be
lost, wrong or quarantined, and p95 and p99 may be three times the usual ones. Exit status 1 if a
check failed. Nothing else may run on the machine.
"""

from __future__ import annotations

import asyncio
import io
import itertools
import random
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator

from PIL import Image
from server_under_test import ServerUnderTest, Verdict, serving
from uploads import light_pages, upload
from worker_faults import Faults, judge_latency

from tests.support.arrivals import Answer, Client, Request, closed_loop, listed

IMAGES = 12
CLIENTS = 4
LEAST_SECONDS = 0.9
MOST_PAGES = 5  # per row and column
CELL = (900, 900)


async def main_loop(server: ServerUnderTest, arguments: Namespace, verdict: Verdict) -> None:
    """Recognize the images without kills, then with kills."""
    client = Client(server.port)
    images, seconds = await _images_of_a_second(client, random.Random(arguments.seed))
    alone = {name: await client.ask(upload(name, image)) for name, image in images.items()}
    texts = {name: answer.text for name, answer in alone.items()}
    verdict.row("images", f"{len(images)}, {seconds:.2f} s each, read alone")
    requests, clients = _in_a_loop(images), arguments.clients
    calm = await closed_loop(client, requests, clients, 60 * arguments.baseline_minutes)
    faults = Faults(server, client, arguments.seed)
    watching = asyncio.ensure_future(faults.watch.run())
    killing = asyncio.ensure_future(faults.inflict(arguments.kill_every, kills_only=True))
    load = await closed_loop(client, requests, clients, 60 * arguments.minutes)
    for task in (killing, watching):
        task.cancel()
    client.close()
    wrong = [a.name for a in (*calm.good, *load.good) if a.text != texts[a.name]]
    refused = [a for a in load.answers if a.outcome.endswith("poison_input")]
    verdict.row("kills", str(faults.done["kills"]), faults.done["kills"] > 0)
    verdict.row("without kills", listed(calm.outcomes()), _all_good(calm.answers))
    verdict.row(
        "answers", f"{len(load.answers)}: {listed(load.outcomes())}", _all_good(load.answers)
    )
    verdict.row("lost", str(load.lost), load.lost == 0)
    verdict.row("wrong texts", str(len(wrong)), not wrong)
    verdict.row("refused as poison", str(len(refused)), not refused)
    judge_latency(verdict, calm.good, load.good)


async def _images_of_a_second(
    client: Client, randomness: random.Random
) -> tuple[dict[str, bytes], float]:
    """Images of as few pages as take long enough, and the time of one image."""
    pages = [page.image for page in light_pages().values()]
    for across, down in _grids():
        images = {
            f"{across}x{down} pages, {number}": _grid(pages, across, down, randomness)
            for number in range(IMAGES)
        }
        name, image = next(iter(images.items()))
        await client.ask(upload(name, image))
        seconds = (await client.ask(upload(name, image))).seconds
        if seconds >= LEAST_SECONDS:
            break
    return images, seconds


def _grids() -> Iterator[tuple[int, int]]:
    """Pages per row and column, from one page; each grid has a row or a column more."""
    for down in range(1, MOST_PAGES + 1):
        yield down, down
        yield down + 1, down


def _grid(pages: list[bytes], across: int, down: int, randomness: random.Random) -> bytes:
    """A grid of pages as one PNG."""
    width, height = CELL
    sheet = Image.new("RGB", (across * width, down * height), "white")
    chosen = itertools.cycle(randomness.sample(pages, len(pages)))
    for left, top in itertools.product(
        range(0, across * width, width), range(0, down * height, height)
    ):
        with Image.open(io.BytesIO(next(chosen))) as page:
            page.thumbnail(CELL)
            sheet.paste(page.convert("RGB"), (left, top))
    encoded = io.BytesIO()
    sheet.save(encoded, "PNG", compress_level=1)
    return encoded.getvalue()


def _in_a_loop(images: dict[str, bytes]) -> Iterator[Request]:
    return itertools.cycle([upload(name, image) for name, image in images.items()])


def _all_good(answers: tuple[Answer, ...]) -> bool:
    return all(answer.status == 200 for answer in answers)


def main() -> int:
    """Read the arguments and run."""
    parser = ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--baseline-minutes", type=float, default=2)
    parser.add_argument("--kill-every", type=float, default=2, help="seconds")
    parser.add_argument("--clients", type=int, default=CLIENTS)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--spares", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    return run(parser.parse_args())


def run(arguments: Namespace) -> int:
    """Run, stop the server, print the table; returns the exit status."""
    verdict = Verdict()
    process = {
        "number": arguments.workers,
        "spares": arguments.spares,
        "max_task_number": 0,
    }
    settings = {
        "ocr": {"process": process},
        "service": {"time": 0},
        "web_server": {"max_body_mb": 100},
    }
    with serving(settings) as server:
        asyncio.run(main_loop(server, arguments, verdict))
    verdict.row("exit status", str(server.exit_status), server.exit_status == 0)
    return verdict.print()


if __name__ == "__main__":
    sys.exit(main())
