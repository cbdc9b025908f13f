"""Reads the first directory of a TIFF, a BigTIFF or of EXIF data, and changes tags in it.

Allocates at most MAX_ENTRIES entries, and trusts no offset or count in the file.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Collection, Mapping
from dataclasses import dataclass

# Cameras and scanners write 10 to 60 entries, raw photographs and maps up to about 100.
MAX_ENTRIES = 512
XMP = 700

_BIG = b"II+\x00"
_WHOLE_NUMBERS = {
    1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 13: "I", 16: "Q", 17: "q", 18: "Q"
}  # fmt: skip
_BYTES = (1, 7)  # BYTE, UNDEFINED


@dataclass(frozen=True, slots=True)
class TiffLayout:
    """Where things are in a TIFF; order, count and offset are format characters of struct.

    first: where the offset of the first directory is. count: how the number of entries of a
    directory is stored. offset: how an offset is stored. entry: bytes of one entry. value: where in
    an entry its value is, or the offset of its value.
    """

    order: str
    first: int
    count: str
    offset: str
    entry: int
    value: int

    def read(self, kind: str, data: bytes | mmap.mmap, position: int) -> int:
        """An integer of this kind; struct.error if it is not in the data."""
        if position > len(data):
            raise struct.error("cut off")
        (number,) = struct.unpack_from(self.order + kind, data, position)
        return int(number)

    @property
    def count_bytes(self) -> int:
        """The size of a directory's entry count."""
        return struct.calcsize(self.order + self.count)


def tiff_layout(data: bytes) -> TiffLayout:
    """The layout of a TIFF, or a BigTIFF, that begins with these bytes."""
    order = ">" if data.startswith(b"MM") else "<"
    if data.startswith(_BIG):
        return TiffLayout(order, first=8, count="Q", offset="Q", entry=20, value=12)
    return TiffLayout(order, first=4, count="H", offset="I", entry=12, value=8)


@dataclass(frozen=True, slots=True)
class TiffDirectory:
    """A TIFF directory at offset start, with the entries that are really in the file.

    claimed: how many entries it claims to have. entries: each has a tag, a type, a count, and a
    value or its offset.
    """

    layout: TiffLayout
    start: int
    claimed: int
    entries: tuple[bytes, ...]

    def whole_number(self, tag: int) -> int | None:
        """A tag's value, if it is a single integer of any type; None otherwise."""
        entry = self._entry(tag)
        if entry is None:
            return None
        kind, count = self._kind_and_count(entry)
        if kind not in _WHOLE_NUMBERS or count != 1:
            return None
        if struct.calcsize("<" + _WHOLE_NUMBERS[kind]) > self.layout.entry - self.layout.value:
            return None
        return self.layout.read(_WHOLE_NUMBERS[kind], entry, self.layout.value)

    def first_short(self, tag: int, data: bytes) -> int | None:
        """The first of a tag's 16-bit values, wherever they are in data; None if there is none."""
        entry = self._entry(tag)
        if entry is None:
            return None
        kind, count = self._kind_and_count(entry)
        if kind != 3:
            return self.whole_number(tag)
        if 2 * count <= self.layout.entry - self.layout.value:
            return self.layout.read("H", entry, self.layout.value)
        try:
            return self.layout.read("H", data, self._offset(entry))
        except struct.error:
            return None

    def bytes_of(self, tag: int, data: bytes) -> bytes:
        """A tag's value, if it is bytes elsewhere in data; empty otherwise."""
        entry = self._entry(tag)
        if entry is None:
            return b""
        kind, count = self._kind_and_count(entry)
        offset = self._offset(entry)
        return data[offset : offset + count] if kind in _BYTES else b""

    def tag_of(self, entry: bytes) -> int:
        """The tag of an entry."""
        return self.layout.read("H", entry, 0)

    def with_number(self, entry: bytes, number: int) -> bytes:
        """The entry with this value, which must fit into 16 bits."""
        form = f"{self.layout.order}HH{self.layout.offset}H"
        return struct.pack(form, self.tag_of(entry), 3, 1, number).ljust(self.layout.entry, b"\0")

    def _kind_and_count(self, entry: bytes) -> tuple[int, int]:
        return self.layout.read("H", entry, 2), self.layout.read(self.layout.offset, entry, 4)

    def _offset(self, entry: bytes) -> int:
        return self.layout.read(self.layout.offset, entry, self.layout.value)

    def _entry(self, tag: int) -> bytes | None:
        """The first entry with this tag."""
        return next((entry for entry in self.entries if self.tag_of(entry) == tag), None)


def read_directory(data: bytes) -> TiffDirectory:
    """Read the first directory; struct.error if even its entry count is missing."""
    layout = tiff_layout(data)
    start = layout.read(layout.offset, data, layout.first)
    claimed = layout.read(layout.count, data, start)
    first = start + layout.count_bytes
    end = first + layout.entry * min(claimed, MAX_ENTRIES)
    whole = range(first, min(end, len(data)) - layout.entry + 1, layout.entry)
    return TiffDirectory(
        layout, start, claimed, tuple(data[at : at + layout.entry] for at in whole)
    )


def first_directory_only(
    data: bytes, removed: Collection[int], changed: Mapping[int, int]
) -> bytes:
    """The TIFF with its first directory only, without some tags and with other values of some.

    No other byte moves and the file does not grow, so a truncated file stays truncated.
    """
    directory = read_directory(data)
    layout = directory.layout
    kept = [
        directory.with_number(entry, changed[tag]) if tag in changed else entry
        for entry in directory.entries
        if (tag := directory.tag_of(entry)) not in removed
    ]
    if len(kept) == directory.claimed and not changed:
        return data
    count = struct.pack(layout.order + layout.count, len(kept))
    following = bytes(struct.calcsize(layout.order + layout.offset))
    written = count + b"".join(kept) + following
    end = directory.start + len(written)
    return (data[: directory.start] + written + data[end:])[: len(data)]
