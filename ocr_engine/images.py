"""Bytes to an upright array, within limits. Runs in the worker; decodes with Pillow only."""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from ocr_engine.errors import InvalidImage
from ocr_engine.frames import count_gif_frames, count_tiff_pages
from ocr_engine.picture_header import ACCEPTED_FORMATS, PictureHeader, check_size, read_header

ImageArray = npt.NDArray[np.uint8]

# The limit is kept by check_size, on the header, for every format alike.
Image.MAX_IMAGE_PIXELS = None

_NEAR_WHITE = 230


@dataclass(frozen=True, slots=True)
class Picture:
    """A decoded picture: pixels (height, width, 3) uint8 in BGR order, as the models expect.

    It stands upright (EXIF orientation applied). `frames` is how many the file holds.
    """

    pixels: ImageArray
    frames: int = 1


def decode(data: bytes, max_pixels: int) -> Picture:
    """Decode the first frame or page of an accepted picture.

    Transparency is laid over white (over black where all that is visible is itself white).
    Raises UnsupportedFormat, InvalidImage (also for a truncated file: never half a picture)
    or TooManyPixels.
    """
    header = read_header(data)
    check_size(header, max_pixels)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(data), formats=ACCEPTED_FORMATS) as image:
                check_size(PictureHeader(header.format, *image.size), max_pixels)
                frames = _count_frames(image, data)
                image.load()
                ImageOps.exif_transpose(image, in_place=True)
                pixels = _to_bgr(image)
    except UnidentifiedImageError:
        raise InvalidImage(f"the {header.format} cannot be read: its header is broken") from None
    except (OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError,
            OverflowError, ZeroDivisionError, Image.DecompressionBombError) as error:  # fmt: skip
        raise InvalidImage(
            f"the {header.format} is truncated or broken ({error}); send the whole file"
        ) from None
    return Picture(pixels, frames)


def _count_frames(image: Image.Image, data: bytes) -> int:
    """How many frames or pages the file holds; Pillow is slow at counting some."""
    if image.format == "GIF":
        return count_gif_frames(data)
    if image.format == "TIFF":
        return count_tiff_pages(data)
    return int(getattr(image, "n_frames", 1)) if image.format == "WEBP" else 1


def _to_bgr(image: Image.Image) -> ImageArray:
    if image.mode.startswith("I;16") or image.mode in ("I", "F"):
        return _from_deep_grey(image)
    if image.mode in ("LA", "PA", "RGBA", "La", "RGBa") or "transparency" in image.info:
        return _over_background(image.convert("RGBA"))
    if image.mode == "L":
        return cv2.cvtColor(np.asarray(image), cv2.COLOR_GRAY2BGR).astype(np.uint8, copy=False)
    rgb = image if image.mode == "RGB" else image.convert("RGB")
    return cv2.cvtColor(np.asarray(rgb), cv2.COLOR_RGB2BGR).astype(np.uint8, copy=False)


def _from_deep_grey(image: Image.Image) -> ImageArray:
    """Deep greys as 8 bits: 16-bit by 1/257, others that do not fit by their own range."""
    values = np.asarray(image).astype(np.float32)
    if not np.isfinite(values).all():
        raise InvalidImage("the picture has pixels that are not numbers")
    if image.mode.startswith("I;16") or (image.mode == "I" and 255 < values.max() <= 65535):
        values /= 257.0
    elif image.mode == "F" and values.min() >= 0 and values.max() <= 1:
        values *= 255.0
    elif values.max() > 255 or values.min() < 0:
        span = max(float(values.max() - values.min()), 1e-9)
        values = (values - values.min()) * (255.0 / span)
    grey = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    return np.repeat(grey[:, :, None], 3, axis=2)


def _over_background(image: Image.Image) -> ImageArray:
    rgba = np.asarray(image)
    alpha = rgba[:, :, 3:].astype(np.uint16)
    background = 0 if _invisible_on_white(rgba) else 255
    blended = (rgba[:, :, :3] * alpha + background * (255 - alpha) + 127) // 255
    return np.ascontiguousarray(blended[:, :, ::-1].astype(np.uint8))


def _invisible_on_white(rgba: ImageArray) -> bool:
    """Whether a picture with see-through parts shows nothing but near-white."""
    visible = rgba[rgba[:, :, 3] > 32]
    if visible.size == 0 or len(visible) == rgba.shape[0] * rgba.shape[1]:
        return False
    return bool(np.mean(visible[:, :3].min(axis=1) >= _NEAR_WHITE) > 0.99)
