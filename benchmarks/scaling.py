"""Images/s of 1, 2, … workers, and a calculation for a node of 32 or 64 cores.

    python benchmarks/scaling.py [--rounds 3] [--every 3]

Measured are: the server with 1, 2, … workers up to the number of cores, with 4 clients per worker;
the front end's CPU seconds for a new image (miss) and for a cached one (hit); and the models alone
(recorded tensors, pinned processes) on one core while the next core is idle, runs a second worker,
or only copies memory. From these, the throughput of workers and front end and the memory of a node
are calculated. Writes results/scaling.json. Nothing else may run on the machine.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import cycle, islice
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT)]

import scenarios  # noqa: E402
from busy_neighbour import BusyNeighbour  # noqa: E402
from limit import ServerRun, record_apart, replay_work, serve  # noqa: E402
from machine import write_results  # noqa: E402
from pinned_replay import replay_on  # noqa: E402
from process_costs import cpu_seconds  # noqa: E402
from server_under_test import drive, serving  # noqa: E402
from workloads import images  # noqa: E402

HITS = 3000
HIT_CLIENTS = 8
NODES = (32, 64)
HIT_SHARES = (0.0, 0.5, 0.9)


@dataclass(frozen=True)
class Costs:
    """The measured inputs of the calculation.

    image: a worker's CPU seconds per image when all cores are busy. miss, hit: the front end's CPU
    seconds. disturbance: the relative slowdown of a worker by a second busy worker.
    """

    image: float
    miss: float
    hit: float
    disturbance: float
    worker_pss_mb: float


@dataclass(frozen=True)
class Node:
    """A calculated node, in requests/s with a given proportion of hits.

    workers: the limit of the workers if they slow each other down only as much as measured here.
    disturbed: the same if each further worker slows the others down as much as the second one did
    the first. front_end: the limit of one front end. memory_gib: of all workers.
    """

    cores: int
    hit_share: float
    workers: float
    disturbed: float
    front_end: float
    memory_gib: float


def main() -> int:
    """Measure, calculate, print both."""
    arguments = _parse()
    sent = list(images("pages", arguments.every).values())
    cores = len(os.sched_getaffinity(0))
    if cores < 2:
        raise SystemExit("this needs two cores")
    counts = range(1, cores + 1)
    runs: dict[int, list[ServerRun]] = {count: [] for count in counts}
    for _ in range(arguments.rounds):
        for count in counts:
            runs[count].append(serve(sent, count, 2 * count))
            _print_run(count, runs[count][-1], runs[1][-1])
    neighbours = disturbances(sent[::2], arguments.rounds)
    full = runs[cores]
    costs = Costs(
        image=statistics.median(run.workers for run in full),
        miss=statistics.median(run.front_end for run in full),
        hit=seconds_of_a_hit(sent, cores),
        disturbance=neighbours["by_a_worker"],
        worker_pss_mb=max(run.worker_pss_mb for run in full),
    )
    _print_measured(costs, neighbours)
    nodes = [calculate(costs, number, share) for number in NODES for share in HIT_SHARES]
    _print_nodes(costs, nodes)
    write_results(
        "scaling",
        {
            "runs": {count: [asdict(run) for run in found] for count, found in runs.items()},
            "neighbours": neighbours,
            "costs": asdict(costs),
            "nodes": [asdict(node) for node in nodes],
        },
    )
    return 0


def seconds_of_a_hit(sent: Sequence[bytes], cores: int) -> float:
    """CPU seconds of the front end for a cached image; the images are those of the misses."""
    hits = list(islice(cycle(sent), HITS))
    with serving(scenarios.settings(cores, cache=True)) as server:
        drive(server.port, sent, HIT_CLIENTS)
        before = cpu_seconds([server.pid])
        drive(server.port, hits, HIT_CLIENTS)
        return (cpu_seconds([server.pid]) - before) / HITS


def disturbances(sent: Sequence[bytes], rounds: int) -> dict[str, float]:
    """The relative slowdown of the models on one core by the work of the next core (medians)."""
    first, second = sorted(os.sched_getaffinity(0))[:2]
    by_worker, by_memory, moved = [], [], []
    with tempfile.TemporaryDirectory(prefix="ocr-tensors-") as name:
        folder = Path(name)
        record_apart(sent, folder, profile=False)
        for _ in range(rounds):
            alone = replay_on([first], replay_work(folder, len(sent), 1)).cpu_per_image
            both = replay_on([first, second], replay_work(folder, len(sent), 2)).cpu_per_image
            with BusyNeighbour(second) as neighbour:
                disturbed = replay_on([first], replay_work(folder, len(sent), 1)).cpu_per_image
            by_worker.append(both / alone - 1)
            by_memory.append(disturbed / alone - 1)
            moved.append(neighbour.gigabytes_per_second)
    return {
        "by_a_worker": statistics.median(by_worker),
        "by_moved_memory": statistics.median(by_memory),
        "moved_gb_per_second": statistics.median(moved),
    }


def calculate(costs: Costs, cores: int, hit_share: float) -> Node:
    """A node whose cores are like these, one of them for the front end."""
    workers, misses = cores - 1, 1 - hit_share
    disturbed = costs.image * (1 + max(0.0, costs.disturbance) * (workers - 1))
    return Node(
        cores=cores,
        hit_share=hit_share,
        workers=workers / costs.image / misses,
        disturbed=workers / disturbed / misses,
        front_end=1 / (misses * costs.miss + hit_share * costs.hit),
        memory_gib=workers * costs.worker_pss_mb * 1e6 / (1 << 30),
    )


def _print_run(workers: int, run: ServerRun, one: ServerRun) -> None:
    print(
        f"{workers} workers: {run.per_second:.3f} images/s, {run.cpu:.4f} CPU s/image (front end "
        f"{run.front_end:.4f}), {run.per_second / one.per_second:.3f} times one worker, "
        f"largest worker {run.worker_pss_mb:.0f} MB",
        flush=True,
    )


def _print_measured(costs: Costs, neighbours: dict[str, float]) -> None:
    print(
        f"front end: {costs.miss * 1000:.2f} ms CPU for a new image, {costs.hit * 1000:.2f} ms "
        "for a cached one"
    )
    print(
        f"the models on one core are slowed by {neighbours['by_a_worker']:+.1%} with a second "
        f"worker, by {neighbours['by_moved_memory']:+.1%} with a core that copies "
        f"{neighbours['moved_gb_per_second']:.1f} GB/s"
    )


def _print_nodes(costs: Costs, nodes: Sequence[Node]) -> None:
    """The calculation, and what limits first."""
    print(f"{costs.image:.4f} CPU s per image in a worker; requests/s by calculation:")
    print(
        f"{'cores':>5} {'hits':>5} {'workers':>8} {'disturbed':>9} {'front end':>9} {'memory':>9}"
    )
    for node in nodes:
        print(
            f"{node.cores:5} {node.hit_share:5.0%} {node.workers:8.1f} {node.disturbed:9.1f} "
            f"{node.front_end:9.0f} {node.memory_gib:5.1f} GiB"
            f"{'  the front end limits' if node.front_end < node.workers else ''}"
        )
    full = costs.image / costs.miss
    print(f"new images only: one front end is full at {full:.0f} workers like these")


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--every", type=int, default=3, help="take each Nth page")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
