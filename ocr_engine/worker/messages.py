"""The protocol between parent and worker, in frames (ocr_engine/framing.py).

The body is the file of the image in a task, behind the saved steps, which the parent does not look
into; the drawing in a reply that has one; and in the first reply the characters that a worker
knows, as UTF-8: in JSON they would cost the front end a MiB. The descriptor of decoded pixels
follows the frame of their task.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from ocr_engine.framing import ProtocolError, decode_frame, encode_frame
from ocr_engine.images.pixels import ImageData, Pixels, received_pixels
from ocr_engine.options import RecognitionOptions, options_from_json
from ocr_engine.recognizer import EngineInfo
from ocr_engine.result import Recognition
from ocr_engine.result_json import from_json, with_blocks
from ocr_engine.tracing import Interval

MAX_REPLY_BYTES = 64 << 20

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True, slots=True)
class Task:
    """Parent to worker: recognize an image on up to `cores` cores within `seconds`.

    saved: the steps that lost workers have saved; see ocr_engine/steps.py.
    traceparent: of the request, if it is traced.
    """

    task_id: int
    options: RecognitionOptions
    image: ImageData
    cores: int = 1
    seconds: float = math.inf
    saved: bytes = b""
    traceparent: str = ""


@dataclass(frozen=True, slots=True)
class Stop:
    """Parent to worker: exit."""


@dataclass(frozen=True, slots=True)
class Ready:
    """Worker to parent: loaded and warm."""

    info: EngineInfo
    rss_mb: int


@dataclass(frozen=True, slots=True)
class LoadFailed:
    """Worker to parent: the recognizer cannot be built, by this worker or any other."""

    message: str


@dataclass(frozen=True, slots=True)
class Begun:
    """Worker to parent: the task has begun; if the worker dies now, the image may be the cause."""

    task_id: int


@dataclass(frozen=True, slots=True)
class Saved:
    """Worker to parent: more steps of a task are done; for the next worker, if this one dies."""

    task_id: int
    steps: bytes


@dataclass(frozen=True, slots=True)
class Done:
    """Worker to parent: a task's result; rss_mb is the worker's memory after it.

    measured: if the task is traced, the whole recognition, then its stages.
    """

    task_id: int
    recognition: Recognition
    rss_mb: int
    measured: Sequence[Interval] = ()


@dataclass(frozen=True, slots=True)
class Failed:
    """Worker to parent: a task failed with this error code; `leaving`: the worker exits."""

    task_id: int
    code: str
    message: str
    rss_mb: int
    leaving: bool = False


Request = Task | Stop
Reply = Ready | LoadFailed | Begun | Saved | Done | Failed


def encode_request(request: Request) -> bytes:
    """Encode a request as a frame."""
    if isinstance(request, Stop):
        return encode_frame({"kind": "stop"})
    image = request.image
    head = {
        "kind": "task",
        "task_id": request.task_id,
        "options": asdict(request.options),
        "cores": request.cores,
        "seconds": request.seconds,
        "saved": len(request.saved),
    }
    if request.traceparent:
        head["traceparent"] = request.traceparent
    if isinstance(image, Pixels):
        return encode_frame({**head, "pixels": [image.width, image.height]}, request.saved)
    return encode_frame(head, request.saved, image)


def descriptor_after(request: Request) -> int | None:
    """The descriptor that is sent after the frame of this request; None for most."""
    if isinstance(request, Task) and isinstance(request.image, Pixels):
        return request.image.descriptor
    return None


def decode_request(frame: bytes, receive: Callable[[], int] | None = None) -> Request:
    """Decode a request; ProtocolError if the frame is malformed.

    receive: returns the descriptor that follows the frame; called only if one does.
    """
    head, body = decode_frame(frame)
    if head.get("kind") == "stop":
        return Stop()
    if head.get("kind") != "task":
        raise ProtocolError(f"not a request: {head.get('kind')!r}")
    try:
        saved = body[: head["saved"]]
        image: ImageData = body[head["saved"] :]
        if "pixels" in head and receive is not None:
            width, height = head["pixels"]
            image = received_pixels(width, height, receive())
        options = options_from_json(head["options"])
        cores, seconds = head["cores"], head["seconds"]
        traceparent = head.get("traceparent", "")
        return Task(head["task_id"], options, image, cores, seconds, saved, traceparent)
    except (KeyError, TypeError, ValueError) as error:
        raise ProtocolError(f"not a request: {error}") from None


def encode_reply(reply: Reply) -> bytes:
    """Encode a reply as a frame."""
    head: dict[str, Any]
    if isinstance(reply, Done):
        head = {
            "kind": "done",
            "task_id": reply.task_id,
            "result": with_blocks(reply.recognition.result),
            "stages": dict(reply.recognition.stages),
            "rss_mb": reply.rss_mb,
        }
        if reply.measured:
            head["measured"] = reply.measured
        return encode_frame(head, reply.recognition.drawing)
    if isinstance(reply, Ready):
        head = {"kind": "ready", **asdict(reply)}
        return encode_frame(head, head["info"].pop("characters").encode())
    if isinstance(reply, Saved):
        return encode_frame({"kind": "saved", "task_id": reply.task_id}, reply.steps)
    kinds = {LoadFailed: "load_failed", Begun: "begun", Failed: "failed"}
    return encode_frame({"kind": kinds[type(reply)], **asdict(reply)})


def decode_reply(frame: bytes) -> Reply:
    """Decode a reply, checking every field; ProtocolError if the frame is malformed."""
    head, body = decode_frame(frame)
    try:
        return _reply(head, body)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise ProtocolError(f"not a reply: {error!r}") from None


def _reply(head: Mapping[str, Any], body: bytes) -> Reply:
    kind = head["kind"]
    if kind == "saved":
        return Saved(int(head["task_id"]), body)
    if body and kind != "ready" and not (kind == "done" and body.startswith(PNG_SIGNATURE)):
        raise ValueError("the body is not a drawing")
    if kind == "done":
        stages = {str(name): float(seconds) for name, seconds in head["stages"].items()}
        recognition = Recognition(from_json(head["result"]), stages, body)
        measured = tuple(_interval(*each) for each in head.get("measured", ()))
        return Done(int(head["task_id"]), recognition, int(head["rss_mb"]), measured)
    if kind == "begun":
        return Begun(int(head["task_id"]))
    if kind == "failed":
        return Failed(
            task_id=int(head["task_id"]),
            code=_text(head["code"]),
            message=_text(head["message"]),
            rss_mb=int(head["rss_mb"]),
            leaving=head.get("leaving") is True,
        )
    if kind == "ready":
        info = head["info"]
        if len(info) != len(fields(EngineInfo)) - 1:  # characters are the body
            raise ValueError("info has unknown or missing fields")
        loaded = EngineInfo(
            engine=_text(info["engine"]),
            precision=_text(info["precision"]),
            models=_text(info["models"]),
            threads=_number(info["threads"]),
            characters=body.decode(),
        )
        return Ready(loaded, int(head["rss_mb"]))
    if kind == "load_failed":
        return LoadFailed(_text(head["message"]))
    raise ValueError(f"unknown kind {kind!r}")


def _interval(name: Any, began: Any, ended: Any) -> Interval:
    interval = Interval(_text(name), float(began), float(ended))
    if not math.isfinite(interval.began + interval.ended):
        raise ValueError("an interval has no end")
    return interval


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not a string")
    return value


def _number(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{value!r} is not an integer")
    return value
