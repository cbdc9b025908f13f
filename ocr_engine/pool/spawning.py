"""Starts the process of a worker, and opens its channel."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable
from multiprocessing import connection
from multiprocessing.context import SpawnProcess
from typing import TypeVar

from ocr_engine.worker.spec import WorkerSpec, run_worker, safe_path, thread_environment

one_at_a_time = threading.Lock()  # the environment belongs to the whole process

T = TypeVar("T")


def spawn(spec: WorkerSpec, name: str) -> tuple[SpawnProcess, connection.Connection]:
    """A worker's process, and the parent's end of its channel; see spawn_child()."""
    return spawn_child(run_worker, spec, name, spec.threads)


def spawn_child(
    target: Callable[[connection.Connection, T], None], spec: T, name: str, threads: int
) -> tuple[SpawnProcess, connection.Connection]:
    """A process that runs target(channel, spec), and the parent's end of the channel.

    Called in the thread that reaps it. threads: see thread_environment().
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    try:
        process = context.Process(target=target, args=(theirs, spec), name=name, daemon=True)
        with one_at_a_time:
            os.environ.update(thread_environment(threads))
            with safe_path():
                process.start()
    except BaseException:
        ours.close()
        raise
    finally:
        theirs.close()
    return process, ours
