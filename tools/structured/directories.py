"""TIFF files and EXIF data: directories with types, counts and offsets as places to mutate."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image

from odd_images import EXTREMES
from structured.places import Places

BYTE, ASCII, SHORT, LONG, RATIONAL, UNDEFINED = 1, 2, 3, 4, 5, 7
BYTES_OF_TYPE = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
TYPES = (*BYTES_OF_TYPE, 0, 14, 16, 17, 18, 129, 65535)
EXIF_DIRECTORY, GPS_DIRECTORY = 0x8769, 0x8825

Entry = tuple[int, int, bytes]  # tag, type, and values in the byte order of the file


@dataclass(frozen=True)
class Layout:
    """The widths of a TIFF's numbers, as struct formats, and the start of its first directory."""

    entries: str = "H"
    offset: str = "I"
    first: int = 8

    @property
    def inline(self) -> int:
        """The bytes of a value that has no offset."""
        return struct.calcsize(f"<{self.offset}")


BIG = Layout("Q", "Q", 16)


class Directory:
    """Writes directories of one byte order; places decide about each field of each entry."""

    def __init__(self, places: Places, order: str, layout: Layout | None = None) -> None:
        self._places = places
        self._order = order
        self._layout = layout or Layout()

    def head(self, first: int) -> bytes:
        """The start of the file, with the offset of the first directory."""
        big = self._layout == BIG
        version = self.numbers(SHORT, *((43, 8, 0) if big else (42,)))
        magic = (b"II" if self._order == "<" else b"MM") + version
        odd = (b"II\0*", b"MM*\0", b"II+\0", b"IIII", b"\0\0\0\0", magic[:3] + b"\x2b" + magic[4:])
        magic = self._places.at("magic", magic, odd)
        first = self._places.at("first directory", first, (0, 4, 9, first + 1, 1 << 31, 0xFFFFFFFF))
        return magic + self._offset(first)

    def _offset(self, offset: int) -> bytes:
        return struct.pack(f"{self._order}{self._layout.offset}", offset)

    def numbers(self, kind: int, *values: int) -> bytes:
        """Numbers of type SHORT or LONG."""
        return struct.pack(f"{self._order}{len(values)}{'H' if kind == SHORT else 'I'}", *values)

    def packed(self, entries: Sequence[Entry], start: int, following: int = 0) -> bytes:
        """The directory that starts at this offset, followed by values longer than 4 bytes."""
        places = self._places
        entries = sorted(entries)
        if places.is_odd("order of tags"):
            places.random.shuffle(entries)
        entries *= places.at("copies of the tags", 1, (0, 2, 60))
        count = places.at("number of tags", len(entries), (0, 1, len(entries) + 9, 65535))
        width = self._layout.inline
        behind = start + struct.calcsize(f"<{self._layout.entries}")
        behind += (4 + 2 * width) * len(entries) + width
        written, values = b"", b""
        for tag, kind, value in entries:
            written += self._entry(tag, kind, value, behind + len(values))
            values += value if len(value) > width else b""
        following = places.at("next directory", following, (start, 1, behind, 1 << 31, 0xFFFFFFFF))
        number = struct.pack(f"{self._order}{self._layout.entries}", count)
        return number + written + self._offset(following) + values

    def _entry(self, tag: int, kind: int, value: bytes, offset: int) -> bytes:
        at, name = self._places.at, f"{tag:#x}"
        count = len(value) // BYTES_OF_TYPE[kind]
        tag = at(f"tag {name}", tag, (0, 256, 273, 0x8769, 65535))
        kind = at(f"type of {name}", kind, TYPES)
        count = at(f"count of {name}", count, (*EXTREMES, count + 1))
        width = self._layout.inline
        inline = value.ljust(width, b"\0") if len(value) <= width else self._offset(offset)
        odd = [self._offset(extreme) for extreme in EXTREMES]
        field = at(f"value or offset of {name}", inline, odd)
        return struct.pack(f"{self._order}HH{self._layout.offset}", tag, kind, count) + field


def exif_file(places: Places) -> bytes:
    """EXIF data of an upright image, with some tags of every type, also in directories below."""
    order = places.any_of("<", ">")
    directory = Directory(places, order)
    upright = (0x112, SHORT, directory.numbers(SHORT, 1))
    rational = directory.numbers(LONG, 72, 1)
    tags: list[Entry] = [
        (0x10F, ASCII, b"a maker\0"),
        (0x11A, RATIONAL, rational),
        (0x11B, RATIONAL, rational),
        (0x128, SHORT, directory.numbers(SHORT, 2)),
        (0x132, ASCII, b"2026:11:30 07:27:00\0"),
        (0x213, SHORT, directory.numbers(SHORT, 1)),
        (0x8298, ASCII, b"(c)\0"),
    ]
    entries = [upright, *places.random.sample(tags, places.random.randrange(8))]
    # A tag that nobody knows, of any type.
    kind = places.random.choice(tuple(BYTES_OF_TYPE))
    value = bytes(BYTES_OF_TYPE[kind] * places.any_of(1, 2, 9))
    entries.append((0xC7A0, kind, value))
    below = places.any_of(None, EXIF_DIRECTORY, GPS_DIRECTORY)
    if below is None:
        return directory.head(8) + directory.packed(entries, 8)
    inner: list[Entry] = [(0x9000, UNDEFINED, b"0232"), (0x829A, RATIONAL, rational)]
    if below == GPS_DIRECTORY:
        inner = [(1, ASCII, b"N\0"), (2, RATIONAL, rational * 3), (5, BYTE, b"\0")]
    length = sum(len(value) + len(value) % 2 for _, _, value in entries if len(value) > 4)
    start = 8 + 2 + 12 * (len(entries) + 1) + 4 + length + 64  # far enough behind the first one
    entries.append((below, LONG, directory.numbers(LONG, start)))
    first = (directory.head(8) + directory.packed(entries, 8)).ljust(start, b"\0")
    return first + directory.packed(inner, start)


def big_tiff_file(places: Places, image: Image.Image) -> bytes:
    """The same as a little-endian BigTIFF; the other byte order is not accepted."""
    return tiff_file(places, image, BIG)


def tiff_file(places: Places, image: Image.Image, layout: Layout | None = None) -> bytes:
    """TIFF of one or more strips, in either byte order, packed or not."""
    at = places.at
    order = places.any_of("<", ">") if layout is None else "<"
    directory = Directory(places, order, layout)
    begin = (layout or Layout()).first
    per_strip = places.any_of(image.height, 7, 1)
    pixels, step = image.tobytes(), image.width * per_strip
    packing = places.any_of(1, 8)
    strips = [pixels[n : n + step] for n in range(0, len(pixels), step)]
    if packing == 8:
        strips = [zlib.compress(strip) for strip in strips]
    lengths = [len(strip) for strip in strips]
    starts = [begin + sum(lengths[:n]) for n in range(len(strips))]

    def one(tag: int, kind: int, name: str, value: int, odd: Sequence[int]) -> Entry:
        number = at(name, value, odd) & (0xFFFF if kind == SHORT else 0xFFFFFFFF)
        return tag, kind, directory.numbers(kind, number)

    entries = [
        one(256, places.any_of(SHORT, LONG), "width", image.width, EXTREMES),
        one(257, LONG, "height", image.height, EXTREMES),
        one(258, SHORT, "bits", 8, (0, 1, 2, 4, 12, 16, 32, 64)),
        one(259, SHORT, "packing", packing, (0, 2, 3, 4, 5, 6, 7, 9, 32773, 34925, 50000, 50001)),
        one(262, SHORT, "photometric", 1, (0, 2, 3, 4, 5, 6, 8, 32803)),
        (273, LONG, directory.numbers(LONG, *starts)),
        one(274, SHORT, "orientation", 1, (0, 9, 65535)),
        one(277, SHORT, "samples", 1, (0, 2, 3, 4, 5, 65535)),
        one(278, LONG, "rows in a strip", per_strip, EXTREMES),
        (279, LONG, directory.numbers(LONG, *lengths)),
        (282, RATIONAL, directory.numbers(LONG, 300, at("resolution", 1, (0, 0xFFFFFFFF)))),
        one(284, SHORT, "planes", 1, (0, 2, 3)),
    ]
    if places.any_of(False, True):
        entries.append((305, ASCII, b"software that nobody knows\0"))
    if places.is_odd("a tag with an odd number of values"):
        entries.append((places.any_of(317, 322, 325, 338, 339, 347), SHORT, bytes(2)))
    data = b"".join(strips)
    start = begin + len(data) + -len(data) % 8
    body = directory.head(start) + data.ljust(start - begin, b"\0")
    return body + directory.packed(entries, start)
