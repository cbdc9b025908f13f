"""A worker's settings, and the entry point through which the parent starts it."""

from __future__ import annotations

import contextlib
import importlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing import connection
from typing import Any

from ocr_engine.model_sets import ModelSets

_SAFE_PATH = "PYTHONSAFEPATH"
IDLE_TRIM_SECONDS = 2.0  # without a task, before a worker trims its memory


@dataclass(frozen=True, slots=True)
class WorkerSpec:
    """A worker's settings.

    models: the model sets that the worker can load.
    threads: compute threads that native libraries may use.
    max_pixels: larger images are refused.
    release_rss_mb: RSS above which memory is returned after each image, not only when idle.
    idle_rss_mb: RSS above which the idle trim drops compiled shapes, too.
    task_memory_mb: address space that one image may add, 0: no limit.
    cores: how many cores one image may use at most, if they would otherwise be idle.
    background: load at low priority; only for runtimes that compute in the calling thread.
    """

    models: ModelSets
    threads: int = 1
    max_pixels: int = 40_000_000
    release_rss_mb: int = 700
    idle_rss_mb: int = 440
    task_memory_mb: int = 0
    cores: int = 1
    background: bool = False


def thread_environment(threads: int) -> dict[str, str]:
    """Environment variables that native libraries read when they are first imported."""
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")
    return {name: str(threads) for name in names}


@contextlib.contextmanager
def safe_path() -> Iterator[None]:
    """Processes that are started in this context import nothing from the current directory.

    Python would look there for the first modules of a worker, and other users may be able to write
    to that directory.
    """
    before = os.environ.get(_SAFE_PATH)
    os.environ[_SAFE_PATH] = "1"
    try:
        yield
    finally:
        del os.environ[_SAFE_PATH]
        if before is not None:
            os.environ[_SAFE_PATH] = before


def run_worker(channel: connection.Connection, spec: WorkerSpec) -> None:
    """Entry point of the child, the only process that imports the worker's code."""
    main: Any = importlib.import_module("ocr_engine.worker.main")
    main.main(channel, spec)
