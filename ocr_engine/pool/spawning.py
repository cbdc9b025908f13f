"""Starts the process of a worker, and opens its channel."""

from __future__ import annotations

import multiprocessing
import os
import threading
from multiprocessing import connection
from multiprocessing.context import SpawnProcess

from ocr_engine.worker.spec import WorkerSpec, run_worker, safe_path, thread_environment

one_at_a_time = threading.Lock()  # the environment belongs to the whole process


def spawn(spec: WorkerSpec, name: str) -> tuple[SpawnProcess, connection.Connection]:
    """The process, and the parent's end of its channel; called in the thread that reaps it."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    try:
        process = context.Process(target=run_worker, args=(theirs, spec), name=name, daemon=True)
        with one_at_a_time:
            os.environ.update(thread_environment(spec.threads))
            with safe_path():
                process.start()
    except BaseException:
        ours.close()
        raise
    finally:
        theirs.close()
    return process, ours
