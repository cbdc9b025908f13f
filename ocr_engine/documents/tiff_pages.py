"""Pages of a TIFF, each as a TIFF of its own with the same pixels. Runs in a renderer.

A worker reads that like any other image. Nothing is decoded here, and no more of the file is read
than belongs to the page.
"""

from __future__ import annotations

import mmap
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from ocr_engine.documents.messages import PageImage, ReadPage
from ocr_engine.errors import DocumentBroken, PageFailed
from ocr_engine.images.tiff_directory import MAX_ENTRIES, TiffLayout, tiff_layout
from ocr_engine.memory import rss_mb

MOST_PAGES = 1_000_000

_VALUE_BYTES = {
    1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4,
    16: 8, 17: 8, 18: 8,
}  # fmt: skip
_NUMBERS = {3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}
_PARTS = {273: 279, 324: 325}  # offsets of strips or tiles, and their lengths
_ELSEWHERE = frozenset((330, 34665, 34853, 40965))  # other directories: thumbnails, EXIF, GPS
_OLD_JPEG = frozenset(range(512, 522))  # its tables are where their offsets say


@dataclass(frozen=True, slots=True)
class _Entry:
    """A tag of a directory. value: its bytes, wherever they are in the file."""

    tag: int
    kind: int
    count: int
    value: bytes


class TiffPages:
    """An open TIFF; see OpenDocument."""

    def __init__(self, descriptor: int) -> None:
        self._size = os.fstat(descriptor).st_size
        try:
            self._data = mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ)
            self._layout = tiff_layout(self._data[:16])
            self._directories = list(self._chain())
        except (ValueError, struct.error):
            raise DocumentBroken("the TIFF is cut off") from None
        if not self._directories:
            raise DocumentBroken("the TIFF has no pages")

    @property
    def pages(self) -> int:
        """See OpenDocument."""
        return len(self._directories)

    def read(self, asked: ReadPage) -> PageImage:
        """See OpenDocument."""
        try:
            entries = list(self._entries(self._directories[asked.page - 1]))
            data = self._file(entries)
        except (struct.error, KeyError, IndexError):
            raise PageFailed(f"page {asked.page} of the TIFF is cut off or broken") from None
        return PageImage(data, None, rss_mb())

    def close(self) -> None:
        """See OpenDocument."""
        self._data.close()

    def _chain(self) -> Iterator[int]:
        """Where the directories are; ends where the chain is broken, or becomes a cycle."""
        layout, seen = self._layout, set[int]()
        position = self._number(layout.offset, layout.first)
        while position and position not in seen and len(seen) < MOST_PAGES:
            try:
                count = self._number(layout.count, position)
                following = position + layout.count_bytes + layout.entry * count
                after = self._number(layout.offset, following)
            except struct.error:
                return
            seen.add(position)
            yield position
            position = after

    def _entries(self, start: int) -> Iterator[_Entry]:
        layout = self._layout
        count = self._number(layout.count, start)
        if count > MAX_ENTRIES:
            raise struct.error("too many tags")
        for number in range(count):
            at = start + layout.count_bytes + layout.entry * number
            tag, kind = self._number("H", at), self._number("H", at + 2)
            length = self._number(layout.offset, at + 4)
            size = _VALUE_BYTES.get(kind, 1) * length
            inline = size <= layout.entry - layout.value
            place = at + layout.value if inline else self._number(layout.offset, at + layout.value)
            yield _Entry(tag, kind, length, self._bytes(place, size))

    def _file(self, entries: list[_Entry]) -> bytes:
        """A TIFF with these entries, followed by the pixels that they refer to."""
        layout, by_tag = self._layout, {entry.tag: entry for entry in entries}
        kept = [entry for entry in entries if entry.tag not in _ELSEWHERE]
        if _OLD_JPEG & by_tag.keys():
            raise PageFailed("the page of the TIFF has an obsolete kind of JPEG")
        writer = _Writer(layout, len(kept))
        for entry in kept:
            if entry.tag in _PARTS:
                lengths = by_tag[_PARTS[entry.tag]]
                writer.add_parts(entry, self._parts(entry, lengths))
            else:
                writer.add(entry)
        return writer.written()

    def _parts(self, offsets: _Entry, lengths: _Entry) -> Iterator[bytes]:
        """The strips or tiles; struct.error if they are together larger than the file."""
        total = 0
        places, sizes = _numbers(self._layout, offsets), _numbers(self._layout, lengths)
        for place, size in zip(places, sizes, strict=False):  # a broken file may have fewer
            total += size
            if total > self._size:
                raise struct.error("larger than the file")
            yield self._bytes(place, size)

    def _number(self, kind: str, position: int) -> int:
        (number,) = struct.unpack_from(self._layout.order + kind, self._data, position)
        return int(number)

    def _bytes(self, place: int, size: int) -> bytes:
        if size > self._size:
            raise struct.error("larger than the file")
        return self._data[place : place + size]  # what is cut off, the decoder notices


class _Writer:
    """Writes a TIFF: its header, one directory, and all that does not fit into the directory."""

    def __init__(self, layout: TiffLayout, entries: int) -> None:
        self._layout = layout
        self._start = 16 if layout.count == "Q" else 8
        directory = layout.count_bytes + entries * layout.entry
        self._end = self._start + directory + struct.calcsize(layout.order + layout.offset)
        self._directory = [struct.pack(layout.order + layout.count, entries)]
        self._rest: list[bytes] = []

    def add(self, entry: _Entry) -> None:
        """Add a tag with its value."""
        self._append(entry.tag, entry.kind, entry.count, entry.value)

    def add_parts(self, entry: _Entry, parts: Iterator[bytes]) -> None:
        """Add a tag with the offsets of these parts of the image, which are added, too."""
        places = [self._place(part) for part in parts]
        kind, form = (16, "Q") if self._layout.count == "Q" else (4, "I")
        value = struct.pack(f"{self._layout.order}{len(places)}{form}", *places)
        self._append(entry.tag, kind, len(places), value)

    def written(self) -> bytes:
        """The file."""
        layout = self._layout
        mark = b"MM" if layout.order == ">" else b"II"
        if layout.count == "Q":
            header = mark + struct.pack(f"{layout.order}HHHQ", 43, 8, 0, self._start)
        else:
            header = mark + struct.pack(f"{layout.order}HI", 42, self._start)
        following = struct.pack(layout.order + layout.offset, 0)
        return b"".join((header, *self._directory, following, *self._rest))

    def _append(self, tag: int, kind: int, count: int, value: bytes) -> None:
        layout = self._layout
        room = layout.entry - layout.value
        if len(value) > room:
            value = struct.pack(layout.order + layout.offset, self._place(value))
        head = struct.pack(f"{layout.order}HH{layout.offset}", tag, kind, count)
        self._directory.append(head + value.ljust(room, b"\0"))

    def _place(self, data: bytes) -> int:
        """Where these bytes will be; at an even place, as the format wants it."""
        padded = data + b"\0" * (len(data) % 2)
        place, self._end = self._end, self._end + len(padded)
        self._rest.append(padded)
        return place


def _numbers(layout: TiffLayout, entry: _Entry) -> tuple[int, ...]:
    """The values of a tag that has whole numbers; KeyError for another type."""
    form = f"{layout.order}{entry.count}{_NUMBERS[entry.kind]}"
    return struct.unpack_from(form, entry.value)
