"""The child process: loads a recognizer, warms it, then answers one picture after the other."""

from __future__ import annotations

import contextlib
import ctypes
import faulthandler
import logging
import os
import re
import resource
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from importlib import resources
from multiprocessing import connection, parent_process
from typing import TYPE_CHECKING

from ocr_engine.errors import ImageTooComplex, ModelError, PictureError, RecognitionFailed
from ocr_engine.options import RecognitionOptions
from ocr_engine.pool.memory import memory_bytes, rss_mb
from ocr_engine.pool.messages import (
    Begun,
    Done,
    Failed,
    LoadFailed,
    Ready,
    Reply,
    Stop,
    Task,
    decode_request,
    encode_reply,
)
from ocr_engine.pool.pauses import Pauses, give_memory_back
from ocr_engine.result import Recognition

if TYPE_CHECKING:
    from ocr_engine.recognizer import Recognizer

log = logging.getLogger(__name__)

_PR_SET_PDEATHSIG = 1
_M_ARENA_MAX = -8
_FAILED = "the recognition failed; the server's log has why"
_TOO_COMPLEX = "reading the picture takes more memory than a worker may use; send a smaller one"
# As OpenVINO, ONNX Runtime, Paddle, oneDNN and OpenCV say it.
_OUT_OF_MEMORY = re.compile(
    "bad_alloc|fail(ed)? to alloc|insufficient memory|could not create a (primitive|memory)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class WorkerSpec:
    """What a worker is told at its start.

    load: builds the recognizer; a picklable callable.
    threads: compute threads that native libraries may use.
    max_pixels: larger pictures are refused.
    release_rss_mb: above it, memory is given back after a picture, and not only in a pause.
    idle_rss_mb: what is kept in a pause to make later pictures faster.
    task_memory_mb: address space that one picture may add, 0: no limit.
    cores: on how many cores, at most, a picture may be read when they are idle.
    """

    load: Callable[[], Recognizer]
    threads: int = 1
    max_pixels: int = 40_000_000
    release_rss_mb: int = 700
    idle_rss_mb: int = 440
    task_memory_mb: int = 0
    cores: int = 1


def thread_environment(threads: int) -> dict[str, str]:
    """Environment variables that native libraries read when they are first imported."""
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")
    return {name: str(threads) for name in names}


def main(channel: connection.Connection, spec: WorkerSpec) -> None:
    """Serve the channel until it says stop or the parent is gone."""
    _die_with_parent()
    _prepare_process()
    try:
        recognizer = spec.load()
        _own_signals()
        _silence_decoders()
        _warm(recognizer, spec)
    except ModelError as error:
        _send(channel, LoadFailed(error.message))
        return
    _send(channel, Ready(recognizer.info, rss_mb()))
    if spec.cores > 1:
        _warm(recognizer, spec, spec.cores)
    pauses = Pauses(recognizer, spec.idle_rss_mb)
    while True:
        try:
            pauses.use(channel)
            request = decode_request(channel.recv_bytes())
        except (EOFError, OSError):
            return
        if isinstance(request, Stop):
            return
        _send(channel, Begun(request.task_id))
        _limit_memory(spec.task_memory_mb)
        reply = answer(recognizer, request, spec)
        del request
        _send(channel, reply)
        if isinstance(reply, Failed) and reply.leaving:
            return


def answer(recognizer: Recognizer, task: Task, spec: WorkerSpec) -> Reply:
    """Decode and recognize one picture; every error becomes a Failed.

    The worker leaves after it ran out of memory: native libraries are not the same any more.
    """
    code, message = "", ""
    recognition = None
    leaving = False
    try:
        recognition = recognize(recognizer, task, spec.max_pixels)
    except PictureError as error:
        code, message = error.code, error.message
    except Exception as error:
        leaving = isinstance(error, MemoryError) or bool(_OUT_OF_MEMORY.search(str(error)))
        if leaving:
            code, message = ImageTooComplex.code, _TOO_COMPLEX
        else:
            code, message = RecognitionFailed.code, _FAILED
        log.error("task %d failed\n%s", task.task_id, traceback.format_exc())
    if rss_mb() > spec.release_rss_mb and not leaving:
        give_memory_back(recognizer, spec.release_rss_mb)
    if recognition is None:
        return Failed(task.task_id, code, message, rss_mb(), leaving)
    return Done(task.task_id, recognition, rss_mb())


def recognize(recognizer: Recognizer, task: Task, max_pixels: int) -> Recognition:
    """Bytes to lines, with the seconds of the stage `decode`, and `draw` if asked for, added."""
    from ocr_engine.images.decode import decode

    start = time.perf_counter()
    picture = decode(task.picture, max_pixels)
    decoded = time.perf_counter() - start
    recognition = recognizer.recognize(picture, task.options, task.cores)
    stages = {"decode": decoded, **recognition.stages}
    if not task.options.draw:
        return Recognition(recognition.result, stages)
    from ocr_engine.images.drawing import draw_result

    start = time.perf_counter()
    drawing = draw_result(picture.pixels, recognition.result)
    return Recognition(recognition.result, {**stages, "draw": time.perf_counter() - start}, drawing)


def _silence_decoders() -> None:
    """Clients must not be able to fill the log with pictures that libtiff has much to say of."""
    from ocr_engine.images.decode import silence_decoders

    try:
        silence_decoders()
    except (OSError, AttributeError) as error:  # a Pillow that is linked in another way
        log.warning("what libtiff says of pictures goes to the log: %s", error)


def _warm(recognizer: Recognizer, spec: WorkerSpec, cores: int = 1) -> None:
    """Read a real picture, so that the first client does not wait for kernels to be compiled."""
    sample = (resources.files(__package__) / "warmup.png").read_bytes()
    recognize(recognizer, Task(0, RecognitionOptions(), sample, cores), spec.max_pixels)


def _send(channel: connection.Connection, reply: Reply) -> None:
    with contextlib.suppress(OSError):
        channel.send_bytes(encode_reply(reply))


def _prepare_process() -> None:
    """No core dumps of clients' pictures; when memory runs out, the kernel kills us first.

    One heap for all threads: with one for each, glibc keeps some 30 MB more.
    """
    _own_signals()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as score:
        score.write("500")


def _limit_memory(task_memory_mb: int) -> None:
    """Make a picture that needs too much fail with MemoryError before the machine runs out.

    Set anew for each: memory that is given back leaves holes in the address space.
    """
    if task_memory_mb:
        limit = memory_bytes()[0] + (task_memory_mb << 20)
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        if hard != resource.RLIM_INFINITY:
            limit = min(limit, hard)
        resource.setrlimit(resource.RLIMIT_AS, (limit, hard))


def _own_signals() -> None:
    """To stop is the parent's business; a fatal signal leaves a trace.

    Called again after loading: Paddle installs handlers of its own when it is imported.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    faulthandler.enable()


def _die_with_parent() -> None:
    """Leave when the parent is gone, also in the middle of a native call."""
    parent = parent_process()
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if parent is None:
        return

    def watch() -> None:
        connection.wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()
