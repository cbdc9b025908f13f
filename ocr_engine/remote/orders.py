"""The messages between the front end and a process that prepares images: plain data in frames.

A frame is the length of its header (4 bytes, big-endian), the header as JSON, then the body: the
image file in an order, the encoded images one after the other in an answer.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ocr_engine.errors import IMAGE_ERRORS, EngineError, RecognitionFailed
from ocr_engine.options import Preprocessing
from ocr_engine.remote.fitting import Target
from ocr_engine.remote.kinds.kind import Place, SentImage

MAX_ANSWER_BYTES = 512 << 20

_LENGTH = struct.Struct(">I")


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be done with an image file.

    max_side, preprocess: as in the options. angle: degrees clockwise. places: parts of the image
    that are wanted instead of the whole.
    """

    target: Target
    max_side: int = 0
    angle: int = 0
    preprocess: tuple[Preprocessing, ...] = ()
    places: tuple[Place, ...] = ()


@dataclass(frozen=True, slots=True)
class Prepared:
    """width, height: of the upright image, before it was rotated by the angle of the order.

    scaled_to: to what max_side reduced it. frames: as in Document.
    """

    width: int
    height: int
    frames: int
    scaled_to: tuple[int, int] | None
    images: tuple[SentImage, ...]


def encode_order(order: Order, image: bytes) -> bytes:
    """An order as a frame."""
    return _frame(asdict(order), image)


def decode_order(frame: bytes) -> tuple[Order, bytes]:
    """The order in a frame, and the image file."""
    head, image = _unframe(frame)
    target = dict(head["target"])
    if target["exact"] is not None:
        target["exact"] = tuple(target["exact"])
    order = Order(
        Target(**target),
        head["max_side"],
        head["angle"],
        tuple(head["preprocess"]),
        tuple(Place(**place) for place in head["places"]),
    )
    return order, image


def encode_answer(answer: Prepared | EngineError) -> bytes:
    """An answer as a frame; the message of an error is for the client."""
    if isinstance(answer, EngineError):
        return _frame({"error": answer.code, "message": answer.message})
    head = {
        "size": [answer.width, answer.height],
        "frames": answer.frames,
        "scaled_to": answer.scaled_to,
        "images": [
            [image.width, image.height, image.media_type, len(image.base64)]
            for image in answer.images
        ],
    }
    return _frame(head, *(image.base64 for image in answer.images))


def decode_answer(frame: bytes) -> Prepared:
    """The answer in a frame; raises the error that it has, ValueError if it is malformed."""
    try:
        head, body = _unframe(frame)
        if "error" in head:
            raise IMAGE_ERRORS.get(head["error"], RecognitionFailed)(str(head["message"]))
        width, height = (int(side) for side in head["size"])
        scaled_to = head["scaled_to"] and (int(head["scaled_to"][0]), int(head["scaled_to"][1]))
        images = tuple(_images(head["images"], body))
        return Prepared(width, height, int(head["frames"]), scaled_to, images)
    except (KeyError, TypeError, IndexError, struct.error) as error:
        raise ValueError(f"not an answer: {error!r}") from None


def _images(described: Sequence[Sequence[Any]], body: bytes) -> Sequence[SentImage]:
    images, start = [], 0
    for width, height, media_type, length in described:
        end = start + int(length)
        images.append(SentImage(int(width), int(height), str(media_type), body[start:end]))
        start = end
    if start != len(body):
        raise ValueError("not an answer: its body has another length")
    return images


def _frame(head: dict[str, Any], *bodies: bytes) -> bytes:
    encoded = json.dumps(head, separators=(",", ":")).encode()
    return b"".join((_LENGTH.pack(len(encoded)), encoded, *bodies))


def _unframe(frame: bytes) -> tuple[dict[str, Any], bytes]:
    (length,) = _LENGTH.unpack_from(frame)
    end = _LENGTH.size + length
    head = json.loads(frame[_LENGTH.size : end])
    if not isinstance(head, dict):
        raise TypeError("the header is not an object")
    return head, frame[end:]
