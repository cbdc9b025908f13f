"""Starts a child process, and opens the channel to it."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable, Mapping
from multiprocessing import connection
from multiprocessing.context import SpawnProcess
from typing import TypeVar

from ocr_engine.worker.spec import WorkerSpec, run_worker, safe_path, thread_environment

one_at_a_time = threading.Lock()  # the environment belongs to the whole process

Spec = TypeVar("Spec")


def spawn(spec: WorkerSpec, name: str) -> tuple[SpawnProcess, connection.Connection]:
    """A worker, and the parent's end of its channel; called in the thread that reaps it."""
    return spawn_process(run_worker, spec, name, thread_environment(spec.threads))


def spawn_process(
    run: Callable[[connection.Connection, Spec], None],
    spec: Spec,
    name: str,
    environment: Mapping[str, str],
) -> tuple[SpawnProcess, connection.Connection]:
    """A process that runs a function, and the parent's end of its channel; see spawn().

    environment: variables that this process and all that it starts later have, too.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    try:
        process = context.Process(target=run, args=(theirs, spec), name=name, daemon=True)
        with one_at_a_time:
            os.environ.update(environment)
            with safe_path():
                process.start()
    except BaseException:
        ours.close()
        raise
    finally:
        theirs.close()
    return process, ours
