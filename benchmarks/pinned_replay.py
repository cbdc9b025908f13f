"""Replays a recording with one process on each of several cores, which share its images."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.context import SpawnProcess
from multiprocessing.sharedctypes import Synchronized
from multiprocessing.synchronize import Barrier
from pathlib import Path

from ocr_engine.recognizer import EngineSettings
from ocr_engine.worker.spec import thread_environment

SPAWN = multiprocessing.get_context("spawn")
START_SECONDS = 120.0
Share = tuple[int, float, float, float, dict[str, float], int]


@dataclass(frozen=True)
class ReplayRun:
    """The totals of all processes: images, wall and CPU seconds, seconds by role, releases."""

    images: int
    wall_seconds: float
    cpu_seconds: float
    role_seconds: dict[str, float]
    releases: int

    def __add__(self, other: ReplayRun) -> ReplayRun:
        """The sum of two consecutive runs."""
        return ReplayRun(
            self.images + other.images,
            self.wall_seconds + other.wall_seconds,
            self.cpu_seconds + other.cpu_seconds,
            {role: s + other.role_seconds[role] for role, s in self.role_seconds.items()},
            self.releases + other.releases,
        )

    @property
    def per_second(self) -> float:
        """Images per second of all processes."""
        return self.images / self.wall_seconds

    @property
    def cpu_per_image(self) -> float:
        """CPU seconds per image."""
        return self.cpu_seconds / self.images


@dataclass(frozen=True)
class ReplayWork:
    """The work of the processes: a recording, and its images in the order of their replay."""

    engine: EngineSettings
    folder: Path
    images: Sequence[int]
    release_rss_mb: int


def replay_on(cores: Sequence[int], work: ReplayWork) -> ReplayRun:
    """Start a process on each core, let them begin together, and wait for all.

    Each one runs all shapes once before the measurement.
    """
    begin = SPAWN.Barrier(len(cores))
    turn: Synchronized[int] = SPAWN.Value("i", 0)
    shares: multiprocessing.SimpleQueue[Share] = SPAWN.SimpleQueue()
    given = (work, begin, turn, shares)
    run_all(
        [SPAWN.Process(target=_replay, args=(core, *given), daemon=True) for core in cores],
    )
    return _together([shares.get() for _ in cores])


def run_all(processes: Sequence[SpawnProcess]) -> None:
    """Run the processes to their end, with one thread each for native libraries.

    They are daemons, like workers: otherwise openvino_telemetry starts a process in them.
    """
    os.environ.update(thread_environment(1))
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    if any(process.exitcode for process in processes):
        raise RuntimeError("a process failed; its trace is above")


def _replay(
    core: int,
    work: ReplayWork,
    begin: Barrier,
    turn: Synchronized[int],
    shares: multiprocessing.SimpleQueue[Share],
) -> None:
    """Run in each process: load, warm up, wait for the others, then replay images."""
    os.sched_setaffinity(0, {core})
    from recorded_tensors import LoadedEngine, Replay

    replay = Replay(LoadedEngine(work.engine), work.folder, work.release_rss_mb)
    replay.see_all_shapes()
    begin.wait(START_SECONDS)
    start, cpu, done = time.perf_counter(), time.process_time(), 0
    for image in _next_images(work.images, turn):
        replay.run(image)
        done += 1
    end, cpu = time.perf_counter(), time.process_time() - cpu
    shares.put((done, start, end, cpu, replay.seconds, replay.releases))


def _next_images(images: Sequence[int], turn: Synchronized[int]) -> Iterator[int]:
    """The images that no other process has replayed."""
    while True:
        with turn.get_lock():
            index = turn.value
            turn.value += 1
        if index >= len(images):
            return
        yield images[index]


def _together(shares: Sequence[Share]) -> ReplayRun:
    done, starts, ends, cpus, seconds, releases = zip(*shares, strict=True)
    return ReplayRun(
        images=sum(done),
        wall_seconds=max(ends) - min(starts),
        cpu_seconds=sum(cpus),
        role_seconds={role: sum(one[role] for one in seconds) for role in seconds[0]},
        releases=sum(releases),
    )
