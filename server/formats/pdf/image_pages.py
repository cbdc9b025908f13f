"""Images as pages of a PDF: a JPEG as it is, all others without loss."""

from __future__ import annotations

import io
import math
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pikepdf
from pikepdf import Array, Dictionary, Name, Pdf
from PIL import Image

from ocr_engine.errors import InvalidImage
from ocr_engine.images.clean_file import clean_file
from ocr_engine.images.decoders import pillow_format
from ocr_engine.images.exif_orientation import SIDEWAYS, UPRIGHT, orientation, turned
from ocr_engine.images.header import MAX_SIDE, read_header
from server.formats.pdf.page_place import Matrix

DEFAULT_DPI = 200.0
LEAST_DPI, MOST_DPI = 50.0, 4800.0  # others are mistakes in the file
SHORTEST_SIDE, LONGEST_SIDE = 3.0, 14_400.0  # of a page in points, as PDF/A has it
_POINTS = 72.0
_LEVEL = 6  # of compression
_UP = 2  # the filter of PNG that stores the difference to the row above
_PNG_PREDICTOR = 15  # each row says which filter it has

# From the unit square of the stored image to that of the upright one, by orientation.
_UPRIGHT: dict[int, Matrix] = {
    1: (1, 0, 0, 1, 0, 0),
    2: (-1, 0, 0, 1, 1, 0),
    3: (-1, 0, 0, -1, 1, 1),
    4: (1, 0, 0, -1, 0, 1),
    5: (0, -1, -1, 0, 1, 1),
    6: (0, -1, 1, 0, 0, 1),
    7: (0, 1, 1, 0, 0, 0),
    8: (0, 1, -1, 0, 1, 0),
}


class ImagePages:
    """Adds the frames of an image file to a PDF, each as a page.

    rgb: four-colour JPEGs are converted, as PDF/A-2 has no place for them; converted says so.
    """

    def __init__(self, pdf: Pdf, file: bytes | Path, rgb: bool) -> None:
        self.converted = False
        self._pdf = pdf
        self._data = file if isinstance(file, bytes) else file.read_bytes()
        self._format = read_header(self._data).format
        self._rgb = rgb

    def add(self, number: int) -> Dictionary:
        """Add frame `number` (from 1) as the last page; returns the page."""
        if self._format == "JPEG" and number == 1:
            return self._add_jpeg()
        with Image.open(io.BytesIO(self._data), formats=[pillow_format(self._format)]) as file:
            dpi = file.info.get("dpi")
            pixels = _first_frame(self._data) if number == 1 else _frame(file, number)
        return self._add_pixels(_narrowed(pixels), dpi)

    def _add_jpeg(self) -> Dictionary:
        file = clean_file("JPEG", self._data, _load)
        with Image.open(io.BytesIO(file.data), formats=["JPEG"]) as image:
            mode, dpi, size = image.mode, image.info.get("dpi"), image.size
            adobe = "adobe" in image.info
        upright = orientation(file.exif, file.xmp)
        if mode == "CMYK" and self._rgb:
            self.converted = True
            return self._add_pixels(turned(_load(file.data), upright).convert("RGB"), dpi)
        entries: dict[str, Any] = {"Filter": Name.DCTDecode, "ColorSpace": _space(mode)}
        if mode == "CMYK" and adobe:
            entries["Decode"] = Array([1, 0] * 4)  # Adobe stores them inverted
        stream = self._pdf.make_stream(file.data, **_image_entries(size, 8), **entries)
        return self._add_page(stream, size, dpi, upright)

    def _add_pixels(self, image: Image.Image, dpi: Any) -> Dictionary:
        bits = 1 if image.mode == "1" else 8
        stream = self._pdf.make_stream(
            zlib.compress(_filtered(image), _LEVEL),
            **_image_entries(image.size, bits),
            Filter=Name.FlateDecode,
            ColorSpace=_space(image.mode),
            DecodeParms=Dictionary(
                Predictor=_PNG_PREDICTOR,
                Colors=len(image.getbands()),
                BitsPerComponent=bits,
                Columns=image.width,
            ),
        )
        return self._add_page(stream, image.size, dpi, UPRIGHT)

    def _add_page(
        self, stream: pikepdf.Stream, size: tuple[int, int], dpi: Any, upright: int
    ) -> Dictionary:
        resolution = _resolution(dpi)
        if upright in SIDEWAYS:
            size, resolution = size[::-1], resolution[::-1]
        width, height = page_size(size, resolution)
        page = self._pdf.add_blank_page(page_size=(width, height))
        a, b, c, d, e, f = _UPRIGHT[upright]
        matrix = (a * width, b * height, c * width, d * height, e * width, f * height)
        place = " ".join(f"{value:.4f}" for value in matrix)
        page.obj["/Resources"] = Dictionary(XObject=Dictionary(Image=stream))
        page.obj["/Contents"] = self._pdf.make_stream(f"q {place} cm /Image Do Q\n".encode())
        found: Dictionary = page.obj
        return found


def page_size(size: tuple[int, int], dpi: tuple[float, float]) -> tuple[float, float]:
    """Width and height in points of a page for an image of this size in pixels.

    If a side would be longer or shorter than is allowed, the resolution is changed, as far as that
    helps.
    """
    width, height = (_POINTS * pixels / each for pixels, each in zip(size, dpi, strict=True))
    scale = 1.0
    if max(width, height) > LONGEST_SIDE:
        scale = LONGEST_SIDE / max(width, height)
    elif min(width, height) < SHORTEST_SIDE:
        scale = min(SHORTEST_SIDE / min(width, height), LONGEST_SIDE / max(width, height))
    return max(width * scale, SHORTEST_SIDE), max(height * scale, SHORTEST_SIDE)


def _resolution(dpi: Any) -> tuple[float, float]:
    """Dots per inch as the file has them, if that is believable; otherwise the default."""
    try:
        x, y = (float(value) for value in dpi)
    except (TypeError, ValueError, ArithmeticError):
        return DEFAULT_DPI, DEFAULT_DPI
    believable = all(math.isfinite(v) and LEAST_DPI <= v <= MOST_DPI for v in (x, y))
    return (x, y) if believable else (DEFAULT_DPI, DEFAULT_DPI)


def _first_frame(data: bytes) -> Image.Image:
    """The pixels that were recognized: upright, without transparency."""
    from ocr_engine.images.decode import decode  # imports OpenCV, which a JPEG does not need

    return Image.fromarray(np.ascontiguousarray(decode(data, MAX_SIDE**2).pixels[:, :, ::-1]))


def _frame(file: Image.Image, number: int) -> Image.Image:
    """The pixels of a later frame."""
    try:
        file.seek(number - 1)
        file.load()
    except EOFError:
        raise InvalidImage(f"the image has no page {number}") from None
    if file.mode not in ("LA", "PA", "RGBA") and "transparency" not in file.info:
        return file.convert("RGB")
    seen = file.convert("RGBA")
    white = Image.new("RGBA", seen.size, "white")
    return Image.alpha_composite(white, seen).convert("RGB")


def _narrowed(image: Image.Image) -> Image.Image:
    """The image in grey if it has no colours, and in black and white if it has no grey."""
    pixels = np.asarray(image)
    red = pixels[:, :, 0]
    if not all(np.array_equal(red, pixels[:, :, band]) for band in (1, 2)):
        return image
    grey = Image.fromarray(np.ascontiguousarray(red))
    return grey.convert("1") if np.isin(red, (0, 255)).all() else grey


def _filtered(image: Image.Image) -> bytes:
    """The rows, each behind the number of its filter."""
    rows = np.frombuffer(image.tobytes(), np.uint8).reshape(image.height, -1)
    filtered = np.empty((rows.shape[0], rows.shape[1] + 1), np.uint8)
    filtered[:, 0] = _UP
    filtered[:, 1:] = rows
    filtered[1:, 1:] -= rows[:-1]
    return filtered.tobytes()


def _load(data: bytes) -> Image.Image:
    with Image.open(io.BytesIO(data), formats=["JPEG"]) as image:
        image.load()
        return image


def _image_entries(size: tuple[int, int], bits: int) -> dict[str, Any]:
    return {
        "Type": Name.XObject,
        "Subtype": Name.Image,
        "Width": size[0],
        "Height": size[1],
        "BitsPerComponent": bits,
    }


def _space(mode: str) -> Name:
    """The colour space of pixels in this mode of Pillow."""
    if mode in ("1", "L"):
        return Name.DeviceGray
    return Name.DeviceCMYK if mode == "CMYK" else Name.DeviceRGB
