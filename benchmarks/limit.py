"""Compares the server with the models alone: images/s and CPU seconds of both.

    python benchmarks/limit.py [--workload pages] [--rounds 3] [--every 1] [--times 1] [--profile]

The limit is measured by recording the tensors that the pipeline passes to its sessions, and
replaying them through infer requests on the same compiled models: one pinned process per core,
without pre- and post-processing and HTTP. The server recognizes the same images in the same order,
with 4 clients per core and its cache off. Both have compiled all shapes before the measurement.
Replay and server alternate (A B A B ... A), and each turn of the server is compared with the
replays before and after it, so that changes of the machine's speed favour neither. The medians of
the ratios count. --times repeats the images, --profile adds the worker's time by function. Writes
results/limit_WORKLOAD.json. Nothing else may run on the machine.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT)]

from machine import write_results  # noqa: E402
from pinned_replay import SPAWN, ReplayRun, ReplayWork, replay_on, run_all  # noqa: E402
from process_costs import cpu_seconds, pss_mb, wait_until_quiet  # noqa: E402
from server_under_test import ServerUnderTest, drive, serving  # noqa: E402
from throughput import settings  # noqa: E402
from workloads import WORKLOADS, distinct, images, show_all  # noqa: E402

from server.settings.engine import engine_settings  # noqa: E402
from server.settings.loading import build  # noqa: E402
from server.settings.settings import Settings  # noqa: E402

MIN_EFFICIENCY = 0.95
MAX_CPU_RATIO = 1.08
SHOWN_FUNCTIONS = 16
SHOWN_TIMES = 8  # uncounted passes, after which workers' memory no longer grows


@dataclass(frozen=True)
class ServerRun:
    """The server over all images: images/s, CPU seconds and stage seconds per image.

    worker_pss_mb is the largest worker's at the end.
    """

    per_second: float
    front_end: float
    workers: float
    clients: float
    stages: dict[str, float]
    worker_pss_mb: float

    @property
    def cpu(self) -> float:
        """CPU seconds per image of front end and workers."""
        return self.front_end + self.workers


def main() -> int:
    """Record, then replay and serve alternately; returns 1 if a target is missed."""
    arguments = _parse()
    sent = list(images(arguments.workload, arguments.every).values())
    with tempfile.TemporaryDirectory(prefix="ocr-tensors-") as name:
        folder = Path(name)
        functions = record_apart(sent, folder, arguments.profile)
        print(f"{len(sent)} images, {_described(folder)}", flush=True)
        rounds = list(take_turns(sent, folder, arguments))
    figures = summary(rounds)
    _print_stages(rounds, figures)
    if functions:
        _print_functions(functions)
    chosen = {"workload": arguments.workload, "every": arguments.every, "times": arguments.times}
    write_results(
        f"limit_{arguments.workload}",
        {**chosen, "images": len(sent), **figures, "functions": functions},
    )
    missed = figures["efficiency"] < MIN_EFFICIENCY or figures["cpu_ratio"] > MAX_CPU_RATIO
    return 1 if missed else 0


def take_turns(
    sent: Sequence[bytes], folder: Path, arguments: argparse.Namespace
) -> Iterator[tuple[ReplayRun, ServerRun]]:
    """Run the server in each round, with replays before and after it."""
    cores = sorted(os.sched_getaffinity(0))
    count = len(cores) * arguments.times
    work = replay_work(folder, len(sent), count)
    before = replay_on(cores, work)
    for _ in range(arguments.rounds):
        served = serve(sent, len(cores), count)
        after = replay_on(cores, work)
        replayed, before = before + after, after
        print(
            f"replay {replayed.per_second:.3f} images/s, {replayed.cpu_per_image:.4f} CPU s/image"
            f"{f', {replayed.releases} releases' if replayed.releases else ''}; "
            f"server {served.per_second:.3f} images/s, {served.cpu:.4f} CPU s/image: workers "
            f"{served.workers:.4f}, front end {served.front_end:.4f}; clients "
            f"{served.clients:.4f}; efficiency {served.per_second / replayed.per_second:.3f}, "
            f"CPU {served.cpu / replayed.cpu_per_image:.3f}",
            flush=True,
        )
        yield replayed, served


def replay_work(folder: Path, images: int, times: int) -> ReplayWork:
    """All images this many times, with the server's settings."""
    chosen: Settings = build(Settings, settings("openvino", 1), "")
    return ReplayWork(
        engine=engine_settings(chosen),
        folder=folder,
        images=list(range(images)) * times,
        release_rss_mb=release_rss_mb(chosen),
    )


def release_rss_mb(chosen: Settings) -> int:
    """The RSS above which a worker releases memory, from server/settings/engine.py."""
    return max(chosen.ocr.process.max_rss_mb * 2 // 3, 100)


def serve(sent: Sequence[bytes], workers: int, times: int) -> ServerRun:
    """Send all images this many times to the server, with 4 clients per worker."""
    bodies = distinct(sent, times)
    with serving(settings("openvino", workers)) as server:
        pids = server.worker_pids()
        wait_until_quiet(pids)
        show_all(server, sent, SHOWN_TIMES)
        before = (cpu_seconds([server.pid]), cpu_seconds(pids), time.process_time())
        stages = stage_seconds(server)
        load = drive(server.port, bodies, 4 * workers)
        after = (cpu_seconds([server.pid]), cpu_seconds(pids), time.process_time())
        spent = {name: s - stages.get(name, 0.0) for name, s in stage_seconds(server).items()}
        if server.worker_pids() != pids:
            raise RuntimeError("a worker was replaced in the middle: its CPU seconds are lost")
        largest = max(map(pss_mb, pids))
    count = len(load.latencies)
    front_end, worker_cpu, clients = ((b - a) / count for a, b in zip(before, after, strict=True))
    stages = {name: seconds / count for name, seconds in spent.items() if name != "queue"}
    return ServerRun(load.per_second, front_end, worker_cpu, clients, stages, largest)


def stage_seconds(server: ServerUnderTest) -> dict[str, float]:
    """The total seconds of each stage, from /metrics."""
    text = server.get("/metrics").body.decode()
    sums = re.findall(r'^ocr_stage_seconds_sum\{stage="(\w+)"\} (\S+)$', text, re.MULTILINE)
    return {stage: float(seconds) for stage, seconds in sums}


def record_apart(sent: Sequence[bytes], folder: Path, profile: bool) -> dict[str, float]:
    """Record in a separate process; returns seconds per image by function if requested."""
    found: multiprocessing.SimpleQueue[dict[str, float]] = SPAWN.SimpleQueue()
    work = (list(sent), folder, profile, found)
    run_all([SPAWN.Process(target=_record, args=work, daemon=True)])
    return found.get()


def _record(
    sent: Sequence[bytes],
    folder: Path,
    profile: bool,
    answer_to: multiprocessing.SimpleQueue[dict[str, float]],
) -> None:
    from recorded_tensors import LoadedEngine, record
    from stage_profile import seconds_by_function

    from ocr_engine.model_sets import LoadableSet, ModelSets
    from ocr_engine.options import RecognitionOptions
    from ocr_engine.worker.main import answer
    from ocr_engine.worker.messages import Task, encode_reply
    from ocr_engine.worker.spec import WorkerSpec

    chosen: Settings = build(Settings, settings("openvino", 1), "")
    engine = LoadedEngine(engine_settings(chosen))
    record(engine, sent, folder)
    models = ModelSets(LoadableSet(lambda: engine.recognizer))
    worker = WorkerSpec(models, release_rss_mb=release_rss_mb(chosen))

    def answer_all() -> None:
        for image in sent:
            task = Task(1, RecognitionOptions(), image)
            encode_reply(answer(engine.recognizer, task, worker))

    roles = {id(session): role for session, role in engine.sessions}
    found = seconds_by_function(answer_all, roles) if profile else {}
    answer_to.put({name: seconds / len(sent) for name, seconds in found.items()})


def summary(rounds: Sequence[tuple[ReplayRun, ServerRun]]) -> dict[str, Any]:
    """The rounds and the medians of their ratios, for the results file."""
    return {
        "efficiency": statistics.median(s.per_second / r.per_second for r, s in rounds),
        "cpu_ratio": statistics.median(s.cpu / r.cpu_per_image for r, s in rounds),
        "rounds": [
            {
                "replay": {
                    "images_per_second": replayed.per_second,
                    "cpu_seconds_per_image": replayed.cpu_per_image,
                    "releases": replayed.releases,
                    "seconds_by_role": {
                        role: seconds / replayed.images
                        for role, seconds in replayed.role_seconds.items()
                    },
                },
                "server": {
                    "images_per_second": served.per_second,
                    "cpu_seconds_per_image": served.cpu,
                    "front_end_cpu_seconds": served.front_end,
                    "worker_cpu_seconds": served.workers,
                    "client_cpu_seconds": served.clients,
                    "seconds_by_stage": served.stages,
                    "worker_pss_mb": served.worker_pss_mb,
                },
            }
            for replayed, served in rounds
        ],
    }


def _described(folder: Path) -> str:
    calls = json.loads((folder / "calls.json").read_text(encoding="utf-8"))
    size = sum(file.stat().st_size for file in folder.glob("*.npy")) / 1e6
    return f"{sum(map(len, calls))} inferences, {size:.0f} MB of tensors"


def _print_stages(rounds: Sequence[tuple[ReplayRun, ServerRun]], figures: dict[str, Any]) -> None:
    """The ratios, and the seconds per image by stage in replay and server (medians)."""
    print(f"efficiency {figures['efficiency']:.3f} (target at least {MIN_EFFICIENCY})")
    print(f"CPU s/image {figures['cpu_ratio']:.3f} times (target at most {MAX_CPU_RATIO})")
    print(f"{'s/image':8} {'replay':>8} {'server':>8}")
    for stage in rounds[0][1].stages:
        replayed = [r.role_seconds.get(stage, 0.0) / r.images for r, _ in rounds]
        served = [s.stages[stage] for _, s in rounds]
        print(f"{stage:8} {statistics.median(replayed):8.4f} {statistics.median(served):8.4f}")


def _print_functions(functions: dict[str, float]) -> None:
    print(f"{sum(functions.values()):.4f} s/image in one worker alone, by function:")
    for name, seconds in list(functions.items())[:SHOWN_FUNCTIONS]:
        print(f"{seconds:8.4f}  {name}")


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--workload", default="pages", choices=WORKLOADS)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--every", type=int, default=1, help="take each Nth image")
    parser.add_argument("--times", type=int, default=1, help="repeat the images")
    parser.add_argument("--profile", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
