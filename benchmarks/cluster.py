"""Measures a cluster, mostly with fakes for models, and checks that killed nodes lose nothing.

    python benchmarks/cluster.py [--only kills] [--broker rabbitmq] [--tasks 1500] [--kills 20]

All servers run on this machine. The parts are: kills (on each broker), frozen, linear, fair,
overhead, identical, hits and models. Exit status 1 if a check failed.
"""

from __future__ import annotations

import contextlib
import itertools
import random
import statistics
import sys
import tempfile
import threading
import time
from argparse import ArgumentParser, Namespace
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from server_under_test import Verdict, drive
from small_cluster import Servers, charged, noisy_card, upload_all
from uploads import light_pages, varied

from ocr_engine.cpu_time import cpu_seconds
from tests.support.cards import card
from tests.support.clusters import frozen, kill_node
from tests.support.http_client import Reply
from tests.support.postgresql import PostgreSQL
from tests.support.rabbitmq import RabbitMQ
from tests.support.redis_server import Redis
from tests.support.server_process import START_SECONDS, ServerProcess
from tests.support.user_keys import add_key
from tests.support.watching import wait_until

TAKES_SECONDS = 0.2
FAIR_SECONDS = 0.5
NODES = (1, 2, 4, 8)
AGAIN_SECONDS = 60.0
FLOOD = 40  # images of one user that wait at the same time
SINGLES = 40
MODEL_CLIENTS = 8
MODEL_ROUNDS = 7


def kills(servers: Servers, args: Namespace, verdict: Verdict) -> None:
    """Tasks while nodes are killed one after the other."""
    for broker in ("rabbitmq", "redis") if args.broker == "both" else (args.broker,):
        database = servers.database()
        with servers.cluster(broker, database) as cluster:
            nodes = cluster.nodes(2)
            front = cluster.front()
            texts = [f"take 0.05 {broker} {n}" for n in range(args.tasks)]
            done = 0
            with ThreadPoolExecutor(1) as sender:
                sending = sender.submit(upload_all, [front], texts)
                randomness = random.Random(7)
                for _ in range(args.kills):
                    victim = nodes.pop(0)
                    time.sleep(randomness.uniform(0.2, 1.0))
                    kill_node(victim)
                    done += 1
                    nodes.append(cluster.node())
                    if sending.done():
                        break
                replies = sending.result(600)
            right = sum(
                isinstance(reply, Reply) and reply.status == 200 and reply.text == text
                for reply, text in zip(replies, texts, strict=True)
            )
            statuses = Counter(r.status if isinstance(r, Reply) else repr(r) for r in replies)
            answers = f"{right} of {args.tasks} right, {done} nodes killed; {dict(statuses)}"
            verdict.row(f"kills, {broker}", answers, right == args.tasks and done == args.kills)
            counted = charged(database, right)
            usage = f"{counted[0]} requests, {counted[1]} images"
            verdict.row("  in the usage", usage, counted == (right, right))


def frozen_nodes(servers: Servers, args: Namespace, verdict: Verdict) -> None:
    """How long it takes until the image of a frozen node is begun elsewhere."""
    with servers.cluster() as cluster:
        nodes, front = cluster.nodes(2), cluster.front()
        seconds = [freeze_one(cluster.folder / f"gate{n}", nodes, front) for n in range(args.kills)]
    median, longest = statistics.median(seconds), max(seconds)
    verdict.row("frozen", f"{len(seconds)} nodes, begun elsewhere after:")
    verdict.row("  median", f"{median:.1f} s", median <= 4)
    verdict.row("  longest", f"{longest:.1f} s", longest <= 8)


def freeze_one(gate: Path, nodes: Sequence[ServerProcess], front: ServerProcess) -> float:
    """Freeze the node that reads an image; seconds until the other one begins it."""
    gate.touch()
    text = f"hold {gate}"
    with ThreadPoolExecutor(1) as client:
        waiting = client.submit(front.upload, card(text))
        wait_until(lambda: any(node.begun(text) for node in nodes), "its start")
        reads, other = sorted(nodes, key=lambda node: -node.begun(text))
        with frozen(reads):
            began = time.monotonic()
            wait_until(lambda: other.begun(text), "its start elsewhere", AGAIN_SECONDS)
            seconds = time.monotonic() - began
            gate.unlink()
            assert waiting.result(30).text == text
        wait_until(lambda: not reads.health()["queue"]["running"], "an idle node", AGAIN_SECONDS)
    return seconds


def linear(servers: Servers, args: Namespace, verdict: Verdict) -> None:
    """Images per second with more and more nodes."""
    rates = {}
    for count in NODES:
        with servers.cluster() as cluster:
            cluster.nodes(count)
            front = cluster.front()
            texts = [f"take {TAKES_SECONDS} linear {count} {n}" for n in range(40 * count)]
            upload_all([front], texts[: 2 * count])
            began = time.monotonic()
            replies = upload_all([front], texts[2 * count :])
            rates[count] = len(replies) / (time.monotonic() - began)
            assert all(isinstance(reply, Reply) and reply.status == 200 for reply in replies)
    for count, rate in rates.items():
        holds = count < NODES[-1] or rate >= 7.5 * rates[1]
        verdict.row(
            f"{count} nodes", f"{rate:.1f} images/s, {rate / rates[1]:.2f} times one", holds
        )


def fair(servers: Servers, args: Namespace, verdict: Verdict) -> None:
    """How long single images of one user take while another one floods both front ends."""
    database = servers.database()
    flooding, single = add_key(database), add_key(database)
    stop, numbers = threading.Event(), itertools.count(1)
    with servers.cluster(database=database) as cluster, ThreadPoolExecutor(FLOOD) as clients:
        for _ in range(2):
            cluster.node(number=2)
        fronts = [cluster.front(), cluster.front()]

        def flood(number: int) -> None:
            while not stop.is_set():
                image = card(f"take {FAIR_SECONDS} flood {next(numbers)}")
                assert fronts[number % 2].upload(image, flooding).status == 200

        floods = [clients.submit(flood, number) for number in range(FLOOD)]
        waits = []
        for number in range(SINGLES):
            began = time.monotonic()
            image = card(f"take {FAIR_SECONDS} single {number}")
            assert fronts[number % 2].upload(image, single).status == 200
            waits.append((time.monotonic() - began) / FAIR_SECONDS)
        stop.set()
        for each in floods:
            each.result(60)
    quantiles = statistics.quantiles(waits, n=20)
    p50, p95 = quantiles[9], quantiles[18]
    took = f"p50 {p50:.2f}, p95 {p95:.2f} times as long as one recognition"
    verdict.row("fair", took, p95 <= 3)


def is_flooded(front: ServerProcess) -> bool:
    """Whether most of its part of the flood waits at this front end."""
    return int(front.health()["queue"]["waiting"]) > FLOOD // 4


def overhead(servers: Servers, args: Namespace, verdict: Verdict) -> None:
    """What the way through the broker costs, compared with a process that reads itself."""
    number = 300
    with servers.cluster() as cluster, contextlib.ExitStack() as stack:
        cluster.node()
        front = cluster.front()
        folder = cluster.folder / "alone"
        folder.mkdir()
        alone = ServerProcess(folder, {"ocr": {"process": {"number": 1}}}, fakes=True)
        stack.enter_context(alone)
        alone.wait_until_ready("/readyz", START_SECONDS)
        images = [noisy_card(f"overhead {n}") for n in range(number)]
        times: dict[str, list[float]] = {"front": [], "alone": []}
        cpu = {"front": -cpu_seconds(front.pid), "alone": -cpu_seconds(alone.pid)}
        for image in images:
            for name, server in (("front", front), ("alone", alone)):
                began = time.perf_counter()
                assert server.upload(image).status == 200
                times[name].append(1000 * (time.perf_counter() - began))
        cpu["front"] += cpu_seconds(front.pid)
        cpu["alone"] += cpu_seconds(alone.pid)
    p50 = {name: statistics.median(values) for name, values in times.items()}
    more = 1000 * (cpu["front"] - cpu["alone"]) / number
    verdict.row(
        "overhead",
        f"p50 {p50['front']:.1f} ms, and {p50['alone']:.1f} ms without a cluster",
        p50["front"] - p50["alone"] <= 15,
    )
    verdict.row("  CPU", f"{more:+.2f} ms in the front end for each image", more <= 1.5)


def identical(servers: Servers, args: Namespace, verdict: Verdict) -> None:
    """1,000 identical uploads over two front ends."""
    with servers.cluster() as cluster:
        node, fronts = cluster.node(), cluster.fronts(2)
        text = "take 1 identical"
        replies = upload_all(fronts, [text] * 1000)
        right = sum(isinstance(reply, Reply) and reply.text == text for reply in replies)
        begun = node.begun(text)
        answers = f"{right} of 1000 right, {begun} recognition(s)"
        verdict.row("identical", answers, right == 1000 and begun == 1)


def hits(servers: Servers, args: Namespace, verdict: Verdict) -> None:
    """Results that another front end has had read."""
    with servers.cluster() as cluster:
        cluster.node()
        first, second = cluster.fronts(2)
        texts = [f"hit {n}" for n in range(300)]
        upload_all([first], texts)
        seconds = []
        for text in texts:
            image = card(text)
            began = time.perf_counter()
            reply = second.upload(image)
            seconds.append(1000 * (time.perf_counter() - began))
            assert reply.headers["X-Cache"] == "hit"
        before = [_elapsed(first, card(text)) for text in texts]
    found, own = statistics.median(seconds), statistics.median(before)
    texts_of = f"p50 {found:.1f} ms from Redis, {own:.1f} ms from memory, with new connections"
    verdict.row("hits", texts_of, found <= own + 3)


def models(servers: Servers, args: Namespace, verdict: Verdict) -> None:
    """Images per second of two nodes with a worker each, compared with a node with two workers."""
    images = [page.image for page in light_pages().values()]
    numbers = itertools.count()
    with servers.cluster(fakes=False) as one, servers.cluster(fakes=False) as two:
        one.node(number=2)
        two.nodes(2)
        fronts = {"one": one.front(), "two": two.front()}

        def rate(name: str) -> float:
            new = [varied(image, next(numbers)) for image in images]
            return drive(fronts[name].port, new, MODEL_CLIENTS).per_second

        for name in fronts:
            rate(name)
        rates = [(rate("one"), rate("two")) for _ in range(MODEL_ROUNDS)]
    ratios = [two / one for one, two in rates]
    median = statistics.median(ratios)
    verdict.row(
        "models",
        f"{median:.3f} times ({min(ratios):.3f} to {max(ratios):.3f}) the images/s of "
        f"{statistics.median(one for one, _ in rates):.2f}",
        median >= 0.95,
    )


def _elapsed(server: ServerProcess, image: bytes) -> float:
    began = time.perf_counter()
    server.upload(image)
    return 1000 * (time.perf_counter() - began)


PARTS: dict[str, Callable[[Servers, Namespace, Verdict], None]] = {
    "kills": kills,
    "frozen": frozen_nodes,
    "linear": linear,
    "fair": fair,
    "overhead": overhead,
    "identical": identical,
    "hits": hits,
    "models": models,
}


def main() -> int:
    """Run the parts; returns the exit status."""
    parser = ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", choices=PARTS, action="append")
    parser.add_argument("--broker", choices=("rabbitmq", "redis", "both"), default="both")
    parser.add_argument("--tasks", type=int, default=1500)
    parser.add_argument("--kills", type=int, default=20)
    args = parser.parse_args()
    verdict = Verdict()
    with (
        tempfile.TemporaryDirectory(prefix="ocr-cluster-") as folder,
        Redis() as redis,
        RabbitMQ() as rabbitmq,
        PostgreSQL() as postgresql,
    ):
        servers = Servers(Path(folder), redis, rabbitmq, postgresql)
        for name in args.only or PARTS:
            PARTS[name](servers, args, verdict)
    return verdict.print()


if __name__ == "__main__":
    sys.exit(main())
