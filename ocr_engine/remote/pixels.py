"""The child process that decodes images and encodes them as models take them.

Clients' files may be hostile, so they are decoded here and not in the front end.
"""

from __future__ import annotations

import base64
import contextlib
import logging
from collections.abc import Iterator
from multiprocessing import connection

import cv2
import numpy as np

from ocr_engine.errors import EngineError, ImageError, ImageTooComplex, RecognitionFailed
from ocr_engine.images.decode import ImageArray, decode, reduced, squared
from ocr_engine.images.decoders import prepare_decoders
from ocr_engine.images.preprocessing import preprocessed
from ocr_engine.remote.fitting import Target, fitted_size, padded_size
from ocr_engine.remote.kinds.kind import Place, SentImage
from ocr_engine.remote.orders import Order, Prepared, decode_order, encode_answer
from ocr_engine.remote.spec import PixelSpec
from ocr_engine.worker.process_setup import (
    die_with_parent,
    lift_memory_limit,
    limit_memory,
    prepare_process,
)

JPEG_QUALITY = 95
WHITE = 255

_FAILED = "the image could not be prepared; the server's log has the reason"
_TOO_COMPLEX = "reading the image takes more memory than a worker may use; send a smaller image"
_CLOCKWISE = {
    90: cv2.ROTATE_90_CLOCKWISE,
    180: cv2.ROTATE_180,
    270: cv2.ROTATE_90_COUNTERCLOCKWISE,
}

log = logging.getLogger(__name__)


def main(channel: connection.Connection, spec: PixelSpec) -> None:
    """Serve the channel until the parent closes it or is gone."""
    die_with_parent()
    prepare_process()
    prepare_decoders()
    while True:
        try:
            order, image = decode_order(channel.recv_bytes())
        except (EOFError, OSError):
            return
        limit_memory(spec.task_memory_mb)
        answer = _answer(order, image, spec)
        del image
        lift_memory_limit()
        with contextlib.suppress(OSError):
            channel.send_bytes(encode_answer(answer))


def prepared(order: Order, file: bytes, max_pixels: int) -> Prepared:
    """Do what the order says; ImageError if the file cannot be decoded."""
    image = decode(file, max_pixels, order.max_side)
    square = squared(image, max_pixels)
    seen = reduced(square, order.max_side)
    pixels = preprocessed(seen.pixels, order.preprocess)
    if order.angle:
        pixels = _rotated(pixels, order.angle)
    images = tuple(_encoded(part, order.target) for part in _parts(pixels, order.places))
    width, height = image.file_size or image.size
    was_reduced = image.file_size is not None or seen is not square
    scaled_to = seen.size if was_reduced else None
    return Prepared(width, height, image.frames, scaled_to, images)


def _answer(order: Order, image: bytes, spec: PixelSpec) -> Prepared | EngineError:
    try:
        return prepared(order, image, spec.max_pixels)
    except ImageError as error:
        return error
    except MemoryError:
        return ImageTooComplex(_TOO_COMPLEX)
    except Exception:
        log.exception("an image could not be prepared")
        return RecognitionFailed(_FAILED)


def _parts(pixels: ImageArray, places: tuple[Place, ...]) -> Iterator[ImageArray]:
    """The parts in these places, upright; the whole image if no place is named."""
    if not places:
        yield pixels
    height, width = pixels.shape[:2]
    for place in places:
        left, right = _pixels_between(place.left, place.right, width)
        top, bottom = _pixels_between(place.top, place.bottom, height)
        yield _rotated(pixels[top:bottom, left:right], -place.turn % 360)


def _pixels_between(low: float, high: float, size: int) -> tuple[int, int]:
    """At least one pixel."""
    start = min(int(low * size), size - 1)
    return start, min(max(round(high * size), start + 1), size)


def _rotated(pixels: ImageArray, angle: int) -> ImageArray:
    """Rotated clockwise by 0, 90, 180 or 270 degrees."""
    if not angle:
        return pixels
    return cv2.rotate(pixels, _CLOCKWISE[angle]).astype(np.uint8, copy=False)


def _encoded(pixels: ImageArray, target: Target) -> SentImage:
    """The image in the size and the file format that the model takes, as base64."""
    pixels = _padded(pixels, target)
    height, width = pixels.shape[:2]
    size = fitted_size(width, height, target)
    if size != (width, height):
        smaller = size[0] * size[1] < width * height
        way = cv2.INTER_AREA if smaller else cv2.INTER_CUBIC
        pixels = cv2.resize(pixels, size, interpolation=way).astype(np.uint8, copy=False)
    if target.media == "png":
        done, file = cv2.imencode(".png", pixels, [cv2.IMWRITE_PNG_COMPRESSION, 3])
    else:
        done, file = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    if not done:
        raise ValueError("OpenCV cannot encode the image")
    return SentImage(*size, f"image/{target.media}", base64.b64encode(file.tobytes()))


def _padded(pixels: ImageArray, target: Target) -> ImageArray:
    """With white around it if it is too wide or too high for the model."""
    height, width = pixels.shape[:2]
    wide, high = padded_size(width, height, target)
    if (wide, high) == (width, height):
        return pixels
    whole = np.full((high, wide, 3), WHITE, np.uint8)
    top, left = (high - height) // 2, (wide - width) // 2
    whole[top : top + height, left : left + width] = pixels
    return whole
