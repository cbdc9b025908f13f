"""Decodes an image into an upright array, within limits. Runs in the worker, with Pillow only."""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from ocr_engine.errors import ImageError, InvalidImage
from ocr_engine.images.clean_file import CleanFile, clean_file
from ocr_engine.images.decoders import pillow_format
from ocr_engine.images.exif_orientation import SIDEWAYS, orientation, turned
from ocr_engine.images.frames import count_gif_frames, count_tiff_pages
from ocr_engine.images.grey_levels import grey_from_deep, is_deep_grey, stretched_colours
from ocr_engine.images.header import ImageHeader, check_size, decoder_step, read_header
from ocr_engine.images.pixel_shape import SQUARE, stretch_of, stretched
from ocr_engine.images.pixels import CHANNELS, ImageData, Pixels

ImageArray = npt.NDArray[np.uint8]

_NEAR_WHITE = 230


@dataclass(frozen=True, slots=True)
class DecodedImage:
    """A decoded image: pixels (height, width, 3) uint8 in BGR order, as the models expect.

    Upright (EXIF orientation applied). `frames`: the number of frames or pages in the file.
    `stretch`: by how much it must be wider and higher for its pixels to be square. `file_size`:
    width and height in the file, after its orientation, if it was reduced while it was decoded.
    """

    pixels: ImageArray
    frames: int = 1
    stretch: tuple[float, float] = SQUARE
    file_size: tuple[int, int] | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the pixels."""
        height, width = self.pixels.shape[:2]
        return width, height


def decode(data: ImageData, max_pixels: int, max_side: int = 0) -> DecodedImage:
    """Decode the first frame or page of an accepted image.

    Alpha is composited onto white, or onto black if all visible pixels are almost white. Raises
    UnsupportedFormat, InvalidImage (also if truncated: a partial image is never read) or
    TooManyPixels. Call lift_pixel_limit() first in a process that accepts very large images.

    max_side: as in the options; a JPEG is reduced while it is decoded, to no less than that.
    """
    header = read_header(data)
    check_size(header, max_pixels, max_side)
    if isinstance(data, Pixels):
        return DecodedImage(_mapped(data))
    step = decoder_step(header, max_side)
    try:
        file = clean_file(
            header.format, data, lambda mended: _load(mended, header, max_pixels, step)
        )
        frames = _count_frames(header.format, data)
        image = _load(file.data, header, max_pixels, step)
        frames = frames or int(getattr(image, "n_frames", 1))
        upright = _orientation_of(image, file)
        pixels = _to_bgr(turned(_full_range(image, header.format, file), upright))
        if file.white_is_zero:
            pixels = 255 - pixels
    except (ImageError, MemoryError, cv2.error):
        raise
    except UnidentifiedImageError:
        raise InvalidImage(f"the {header.format} cannot be read: its header is broken") from None
    except Exception as error:  # Pillow raises almost anything when a file is broken
        raise InvalidImage(
            f"the {header.format} is truncated or broken ({error}); send the whole file"
        ) from None
    stretch, size = stretch_of(image.info.get("dpi")), (header.width, header.height)
    if upright in SIDEWAYS:
        stretch, size = stretch[::-1], size[::-1]
    return DecodedImage(pixels, frames, stretch, size if step > 1 else None)


def squared(image: DecodedImage, max_pixels: int) -> DecodedImage:
    """The image with square pixels, of which there are at most max_pixels."""
    if image.stretch == SQUARE:
        return image
    return DecodedImage(stretched(image.pixels, image.stretch, max_pixels), image.frames)


def reduced(image: DecodedImage, max_side: int) -> DecodedImage:
    """The image with sides of at most max_side pixels; itself if it is small, or max_side is 0."""
    width, height = image.size
    ratio = max_side / max(width, height)
    if not 0 < ratio < 1:
        return image
    size = max(1, round(width * ratio)), max(1, round(height * ratio))
    pixels = cv2.resize(image.pixels, size, interpolation=cv2.INTER_AREA)
    return replace(image, pixels=pixels.astype(np.uint8, copy=False))


def _mapped(pixels: Pixels) -> ImageArray:
    """Decoded pixels as an array, without a copy; it may be changed, which nobody else sees."""
    flat = np.frombuffer(pixels.private(), np.uint8, len(pixels))
    return flat.reshape(pixels.height, pixels.width, CHANNELS)


def _load(data: bytes, header: ImageHeader, max_pixels: int, step: int = 1) -> Image.Image:
    """Decode the pixels as stored, or reduced by this step if the decoder can."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with Image.open(io.BytesIO(data), formats=[pillow_format(header.format)]) as image:
            if step > 1:
                image.draft(None, (max(1, image.width // step), max(1, image.height // step)))
            check_size(ImageHeader(header.format, *image.size), max_pixels)
            image.load()
            return image


def _orientation_of(image: Image.Image, file: CleanFile) -> int:
    """The orientation, from the removed EXIF, or from what Pillow returns."""
    exif = file.exif or image.info.get("exif") or b""
    return orientation(exif, file.xmp or image.info.get("xmp") or b"")


def _count_frames(file_format: str, data: bytes) -> int:
    """The number of frames or pages, which Pillow counts slowly in some formats; 0: ask Pillow."""
    if file_format == "GIF":
        return count_gif_frames(data)
    if file_format == "TIFF":
        return count_tiff_pages(data)
    return 0 if file_format in ("WEBP", "AVIF", "HEIC") else 1


def _full_range(image: Image.Image, file_format: str, file: CleanFile) -> Image.Image:
    """The image with the range of colours that it was meant to have."""
    if file.bits == 16:
        return stretched_colours(image)
    if file_format == "BMP" and image.mode == "RGBA" and not image.getchannel("A").getbbox():
        return image.convert("RGB")  # as from the Windows clipboard: nobody has set the alpha
    return image


def _to_bgr(image: Image.Image) -> ImageArray:
    if is_deep_grey(image):
        return cv2.cvtColor(grey_from_deep(image), cv2.COLOR_GRAY2BGR).astype(np.uint8, copy=False)
    if image.mode in ("LA", "PA", "RGBA", "La", "RGBa") or "transparency" in image.info:
        return _over_background(image.convert("RGBA"))
    if image.mode == "L":
        return cv2.cvtColor(np.asarray(image), cv2.COLOR_GRAY2BGR).astype(np.uint8, copy=False)
    rgb = image if image.mode == "RGB" else image.convert("RGB")
    return cv2.cvtColor(np.asarray(rgb), cv2.COLOR_RGB2BGR).astype(np.uint8, copy=False)


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
