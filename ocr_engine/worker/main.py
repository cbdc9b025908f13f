"""The child process: loads a recognizer, warms it up, then reads one image after another."""

from __future__ import annotations

import contextlib
import logging
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from importlib import resources
from multiprocessing import connection
from typing import TYPE_CHECKING

from ocr_engine.descriptors import receive_descriptor
from ocr_engine.errors import (
    ImageError,
    ImageTooComplex,
    ModelError,
    RecognitionFailed,
    RecognitionTimeout,
)
from ocr_engine.images.decoders import prepare_decoders
from ocr_engine.memory import rss_mb
from ocr_engine.options import RecognitionOptions
from ocr_engine.steps import Save
from ocr_engine.tracing import MEASURED, Interval
from ocr_engine.worker.idle import IdleMaintenance
from ocr_engine.worker.loaded_sets import LoadedSets
from ocr_engine.worker.memory import is_out_of_memory, trim_memory
from ocr_engine.worker.messages import (
    Begun,
    Done,
    Failed,
    LoadFailed,
    Ready,
    Reply,
    Saved,
    Stop,
    Task,
    decode_request,
    encode_reply,
)
from ocr_engine.worker.process_setup import (
    die_with_parent,
    lift_memory_limit,
    limit_memory,
    lower_priority,
    own_signals,
    prepare_process,
)
from ocr_engine.worker.spec import WorkerSpec

if TYPE_CHECKING:
    from ocr_engine.recognizer import Recognizer

log = logging.getLogger(__name__)

_FAILED = "the recognition failed; the server's log has the reason"
_TOO_COMPLEX = "reading the image takes more memory than a worker may use; send a smaller image"


def main(channel: connection.Connection, spec: WorkerSpec) -> None:
    """Serve the channel until a Stop arrives or the parent is gone."""
    die_with_parent()
    prepare_process()
    sets = LoadedSets(spec.models)
    try:
        recognizer = (_loaded_in_background if spec.background else _loaded)(sets, spec)
    except ModelError as error:
        _send(channel, LoadFailed(error.message))
        return
    own_signals()
    _send(channel, Ready(recognizer.info, rss_mb()))
    if spec.cores > 1:
        _warm(recognizer, spec, spec.cores)
    idle = IdleMaintenance(sets, spec.idle_rss_mb)
    while True:
        idle.max_rss_mb = spec.idle_rss_mb * len(sets)
        try:
            idle.run_until_request(channel)
            request = decode_request(channel.recv_bytes(), lambda: receive_descriptor(channel))
        except (EOFError, OSError):
            return
        if isinstance(request, Stop):
            return
        if spec.task_memory_mb:
            lift_memory_limit()  # models may have to be loaded
        try:
            recognizer = sets.use(request.options.models)
        except Exception as error:
            reply: Reply = _not_loaded(request, error)
        else:
            _send(channel, Begun(request.task_id))
            limit_memory(spec.task_memory_mb)
            reply = answer(recognizer, request, spec, saver(channel, request.task_id))
        del request
        _send(channel, reply)
        if isinstance(reply, Failed) and reply.leaving:
            return


def saver(channel: connection.Connection, task_id: int) -> Save:
    """What sends the finished steps of a task to the parent."""
    return lambda steps: _send(channel, Saved(task_id, steps))


def answer(recognizer: Recognizer, task: Task, spec: WorkerSpec, save: Save | None = None) -> Reply:
    """Decode and recognize one image; every error becomes a Failed. save: see Steps.

    After running out of memory the worker leaves: native libraries may be damaged.
    """
    from ocr_engine.worker.reading import recognize  # costs time, before the worker is set up

    code, message = "", ""
    recognition = None
    leaving = False
    measured: list[Interval] = []
    began = time.monotonic()
    MEASURED.set(measured if task.traceparent else None)
    try:
        recognition = recognize(recognizer, task, spec.max_pixels, save)
    except (ImageError, RecognitionTimeout) as error:
        code, message = error.code, error.message
    except Exception as error:
        leaving = is_out_of_memory(error)
        if leaving:
            code, message = ImageTooComplex.code, _TOO_COMPLEX
        else:
            code, message = RecognitionFailed.code, _FAILED
        log.error("task %d failed%s\n%s", task.task_id, _traced(task), traceback.format_exc())
    ended = time.monotonic()
    if rss_mb() > spec.release_rss_mb and not leaving:
        trim_memory(recognizer, spec.release_rss_mb)
    if recognition is None:
        return Failed(task.task_id, code, message, rss_mb(), leaving)
    if task.traceparent:
        measured.insert(0, Interval("recognize", began, ended))
    return Done(task.task_id, recognition, rss_mb(), measured)


def _traced(task: Task) -> str:
    """Which trace a line of the log belongs to."""
    return f" (traceparent {task.traceparent})" if task.traceparent else ""


def _not_loaded(task: Task, error: Exception) -> Failed:
    """The answer to a task whose models cannot be loaded; the task has not begun."""
    models = task.options.models or "of the default set"
    traced = _traced(task)
    log.error("the models %s cannot be loaded%s\n%s", models, traced, traceback.format_exc())
    leaving = is_out_of_memory(error)
    message = f"the models {models} cannot be loaded; the log of the server has the reason"
    return Failed(task.task_id, RecognitionFailed.code, message, rss_mb(), leaving)


def _loaded(sets: LoadedSets, spec: WorkerSpec) -> Recognizer:
    """The default recognizer, warm."""
    recognizer = sets.use()
    prepare_decoders()
    _warm(recognizer, spec)
    return recognizer


def _loaded_in_background(sets: LoadedSets, spec: WorkerSpec) -> Recognizer:
    """As _loaded(), in a thread at low priority, so that workers get the cores first.

    The main thread keeps its priority, because a process cannot raise a priority that it lowered.
    """
    with ThreadPoolExecutor(1, initializer=lower_priority) as loader:
        return loader.submit(_loaded, sets, spec).result()


def _warm(recognizer: Recognizer, spec: WorkerSpec, cores: int = 1) -> None:
    """Read a sample image, so that the first client does not wait for kernels to be compiled."""
    from ocr_engine.worker.reading import recognize

    sample = (resources.files(__package__) / "warmup.png").read_bytes()
    recognize(recognizer, Task(0, RecognitionOptions(), sample, cores), spec.max_pixels)


def _send(channel: connection.Connection, reply: Reply) -> None:
    with contextlib.suppress(OSError):
        channel.send_bytes(encode_reply(reply))
