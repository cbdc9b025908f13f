"""EXIF data with an orientation of 6 and one tag of an invalid type."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence

from PIL import Image

from image_structures import TIFF_SHORT, jpeg_segment, with_segments
from plain_images import saved

TURNED_LEFT = Image.Transpose.ROTATE_90  # what orientation 6 makes upright
ORIENTATION = (0x112, TIFF_SHORT, 1, 6)
KINDS = range(1, 14)  # BYTE to IFD
_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_EXIF, _GPS = 0x8769, 0x8825

# name: the directory, and the number of the tag
TAGS = {
    "Make": (0, 0x10F),
    "Model": (0, 0x110),
    "XResolution": (0, 0x11A),
    "YResolution": (0, 0x11B),
    "ResolutionUnit": (0, 0x128),
    "Software": (0, 0x131),
    "DateTime": (0, 0x132),
    "Artist": (0, 0x13B),
    "YCbCrPositioning": (0, 0x213),
    "Copyright": (0, 0x8298),
    "ExposureTime": (_EXIF, 0x829A),
    "ExifVersion": (_EXIF, 0x9000),
    "DateTimeOriginal": (_EXIF, 0x9003),
    "MakerNote": (_EXIF, 0x927C),
    "UserComment": (_EXIF, 0x9286),
    "GPSLatitudeRef": (_GPS, 1),
    "GPSLatitude": (_GPS, 2),
    "GPSAltitudeRef": (_GPS, 5),
    "GPSAltitude": (_GPS, 6),
    "GPSDateStamp": (_GPS, 0x1D),
}


def odd_exif() -> Iterator[tuple[str, bytes]]:
    """The name and the EXIF data (a TIFF without pixels) for each tag with each type."""
    for name, (folder, tag) in TAGS.items():
        for kind in KINDS:
            yield f"{name} of type {kind}", exif_with(folder, tag, kind)


def exif_with(folder: int, tag: int, kind: int, count: int = 1) -> bytes:
    """EXIF with an orientation of 6, and a tag of 0xFF… in the first or the second directory."""
    value = b"\xff" * _BYTES[kind] * count
    if not folder:
        return _head([ORIENTATION], (tag, kind, count), value)
    below = _directory([], (tag, kind, count), value, start := 8 + 2 + 2 * 12 + 4)
    return _head([ORIENTATION], (folder, 4, 1), struct.pack("<I", start)) + below


def jpeg_with(exif: bytes, image: Image.Image) -> bytes:
    """The image as a JPEG without a density in its JFIF header, so that Pillow reads the EXIF."""
    whole = saved(image, "JPEG", quality=95)
    assert whole[2:4] == b"\xff\xe0"
    bare = whole[:2] + whole[4 + int.from_bytes(whole[4:6], "big") :]
    return with_segments(bare, jpeg_segment(0xE1, b"Exif\0\0" + exif))


def _head(
    tags: Sequence[tuple[int, int, int, int]], odd: tuple[int, int, int], value: bytes
) -> bytes:
    return b"II*\0" + struct.pack("<I", 8) + _directory(tags, odd, value, 8)


def _directory(
    tags: Sequence[tuple[int, int, int, int]], odd: tuple[int, int, int], value: bytes, start: int
) -> bytes:
    """A directory, followed by a value of more than 4 bytes."""
    behind = start + 2 + 12 * (len(tags) + 1) + 4
    inline = value.ljust(4, b"\0") if len(value) <= 4 else struct.pack("<I", behind)
    entries = {tag: struct.pack("<HHII", tag, *rest) for tag, *rest in tags}
    entries[odd[0]] = struct.pack("<HHI", *odd) + inline
    body = b"".join(entry for _, entry in sorted(entries.items()))
    rest = value if len(value) > 4 else b""
    return struct.pack("<H", len(entries)) + body + bytes(4) + rest
