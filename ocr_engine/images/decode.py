"""Decodes an image into an upright array, within limits. Runs in the worker, with Pillow only."""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from ocr_engine.errors import ImageError, InvalidImage
from ocr_engine.images.exif_orientation import ORIENTATION, orientation, turned
from ocr_engine.images.frames import count_gif_frames, count_tiff_pages
from ocr_engine.images.header import ACCEPTED_FORMATS, ImageHeader, check_size, read_header
from ocr_engine.images.jpeg_segments import split_jpeg
from ocr_engine.images.tiff_directory import XMP, read_directory, without_tags

ImageArray = npt.NDArray[np.uint8]

_NEAR_WHITE = 230
_TIFF_METADATA = frozenset({ORIENTATION, XMP, 34665, 34853, 40965})  # EXIF, GPS, interoperability


@dataclass(frozen=True, slots=True)
class DecodedImage:
    """A decoded image: pixels (height, width, 3) uint8 in BGR order, as the models expect.

    Upright (EXIF orientation applied). `frames`: the number of frames or pages in the file.
    """

    pixels: ImageArray
    frames: int = 1


def decode(data: bytes, max_pixels: int) -> DecodedImage:
    """Decode the first frame or page of an accepted image.

    Alpha is composited onto white, or onto black if all visible pixels are almost white. Raises
    UnsupportedFormat, InvalidImage (also if truncated: a partial image is never read) or
    TooManyPixels. Call lift_pixel_limit() first in a process that accepts very large images.
    """
    header = read_header(data)
    check_size(header, max_pixels)
    file = _without_metadata(header.format, data)
    try:
        image = _load(file, header, max_pixels)
        pixels = _to_bgr(turned(image, _orientation_of(image, file)))
    except (ImageError, MemoryError, cv2.error):
        raise
    except UnidentifiedImageError:
        raise InvalidImage(f"the {header.format} cannot be read: its header is broken") from None
    except Exception as error:  # Pillow raises almost anything when a file is broken
        raise InvalidImage(
            f"the {header.format} is truncated or broken ({error}); send the whole file"
        ) from None
    return DecodedImage(pixels, _count_frames(image, data))


@dataclass(frozen=True, slots=True)
class _File:
    """The bytes given to Pillow, and the EXIF and XMP removed from them."""

    data: bytes
    exif: bytes = b""
    xmp: bytes = b""


def _without_metadata(file_format: str, data: bytes) -> _File:
    """Remove metadata on which Pillow may raise although the pixels are intact.

    Pillow parses EXIF when it opens a JPEG, and parses it and rotates the pixels when it loads a
    TIFF. From PNG and WebP it returns EXIF as bytes.
    """
    if file_format == "JPEG":
        jpeg = split_jpeg(data)
        return _File(jpeg.data, jpeg.exif, jpeg.xmp)
    if file_format == "TIFF":
        xmp = read_directory(data).bytes_of(XMP, data)
        return _File(without_tags(data, _TIFF_METADATA), exif=data, xmp=xmp)
    return _File(data)


def _load(file: _File, header: ImageHeader, max_pixels: int) -> Image.Image:
    """Decode the pixels as stored."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with Image.open(io.BytesIO(file.data), formats=ACCEPTED_FORMATS) as image:
            check_size(ImageHeader(header.format, *image.size), max_pixels)
            image.load()
            return image


def _orientation_of(image: Image.Image, file: _File) -> int:
    """The orientation, from the removed EXIF; for PNG and WebP, as Pillow returns it."""
    exif, xmp = file.exif, file.xmp
    if image.format in ("PNG", "WEBP"):
        exif, xmp = image.info.get("exif", b""), image.info.get("xmp", b"")
        if not exif and "Raw profile type exif" in image.info:
            exif = _raw_profile(image.info["Raw profile type exif"])
    return orientation(exif, xmp)


def _raw_profile(text: str) -> bytes:
    """EXIF as ImageMagick wrote it into PNGs: three lines of header, then hexadecimal digits."""
    try:
        return bytes.fromhex("".join(text.split("\n")[3:]))
    except ValueError:
        return b""


def _count_frames(image: Image.Image, data: bytes) -> int:
    """The number of frames or pages; Pillow counts GIF and TIFF slowly."""
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
    """Scale grey values to 8 bits: 16-bit values by 1/257, others by their range if needed."""
    values = np.asarray(image).astype(np.float32)
    if not np.isfinite(values).all():
        raise InvalidImage("the image has pixels that are not numbers")
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
    """Whether an image with transparent parts shows only near-white."""
    visible = rgba[rgba[:, :, 3] > 32]
    if visible.size == 0 or len(visible) == rgba.shape[0] * rgba.shape[1]:
        return False
    return bool(np.mean(visible[:, :3].min(axis=1) >= _NEAR_WHITE) > 0.99)
