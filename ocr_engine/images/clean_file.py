"""Prepares the bytes of an image for Pillow, which cannot read some intact images correctly.

Because of some metadata, Pillow raises although the pixels are intact, or reads them differently.
"""

from __future__ import annotations

from dataclasses import dataclass

from ocr_engine.images.exif_orientation import ORIENTATION
from ocr_engine.images.isobmff import without_exif
from ocr_engine.images.jpeg_end import Load, with_end
from ocr_engine.images.jpeg_segments import split_jpeg
from ocr_engine.images.png_chunks import split_png
from ocr_engine.images.tiff_directory import XMP, first_directory_only, read_directory

_TIFF_METADATA = frozenset({ORIENTATION, XMP, 34665, 34853, 40965})  # EXIF, GPS, interoperability
_TIFF_BITS, _TIFF_PHOTOMETRIC = 258, 262
_WHITE_IS_ZERO, _BLACK_IS_ZERO = 0, 1
_PNG_BITS_OFFSET = 24


@dataclass(frozen=True, slots=True)
class CleanFile:
    """The bytes given to Pillow, and the EXIF and XMP removed from them.

    bits: per channel, if the format has more than 8. white_is_zero: the decoder must invert the
    pixels, because 0 is white and Pillow does not invert them.
    """

    data: bytes
    exif: bytes = b""
    xmp: bytes = b""
    bits: int = 8
    white_is_zero: bool = False


def clean_file(file_format: str, data: bytes, load: Load) -> CleanFile:
    """Remove metadata and mend harmless faults; InvalidImage if a JPEG has too many scans.

    load: decodes the pixels of a file of this format.
    """
    if file_format == "JPEG":
        jpeg = split_jpeg(data)
        return CleanFile(with_end(jpeg.data, load), jpeg.exif, jpeg.xmp)
    if file_format == "PNG":
        png = split_png(data)
        return CleanFile(png.data, png.exif, png.xmp, bits=data[_PNG_BITS_OFFSET])
    if file_format == "TIFF":
        return _clean_tiff(data)
    return CleanFile(without_exif(data) if file_format in ("AVIF", "HEIC") else data)


def _clean_tiff(data: bytes) -> CleanFile:
    """Keep the first page without EXIF and XMP, and change its label from "0 is white" if needed.

    Pillow would parse the EXIF and rotate the pixels. If 0 is white, it inverts values of up to 8
    bits, but does not invert deeper ones, and refuses those that are big-endian. So a file of
    deeper values is labelled as if 0 were black, and the decoder inverts the pixels.
    """
    directory = read_directory(data)
    xmp = directory.bytes_of(XMP, data)
    bits = directory.first_short(_TIFF_BITS, data) or 1
    photometric = directory.whole_number(_TIFF_PHOTOMETRIC)
    white_is_zero = bits > 8 and photometric == _WHITE_IS_ZERO
    changed = {_TIFF_PHOTOMETRIC: _BLACK_IS_ZERO} if white_is_zero else {}
    cleaned = first_directory_only(data, _TIFF_METADATA, changed)
    return CleanFile(cleaned, data, xmp, bits, white_is_zero)
