"""Reads the first directory of a TIFF or of EXIF data, and removes tags from it.

Allocates at most MAX_ENTRIES entries, and trusts no offset or count in the file.
"""

from __future__ import annotations

import struct
from collections.abc import Collection
from dataclasses import dataclass

# Cameras and scanners write 10 to 60 entries, raw photographs and maps up to about 100.
MAX_ENTRIES = 512
XMP = 700

_ENTRY_BYTES = 12
_WHOLE_NUMBERS = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 13: "I"}
_BYTES = (1, 7)  # BYTE, UNDEFINED


@dataclass(frozen=True, slots=True)
class TiffDirectory:
    """A TIFF directory at offset start, with the entries that are really in the file.

    order: byte order as in struct. entries: 12 bytes each: tag, type, count, value.
    """

    order: str
    start: int
    claimed: int
    entries: tuple[bytes, ...]

    def whole_number(self, tag: int) -> int | None:
        """A tag's value, if it is a single integer of any type; None otherwise."""
        entry = self._entry(tag)
        if entry is None:
            return None
        kind, count = struct.unpack_from(self.order + "HI", entry, 2)
        if kind not in _WHOLE_NUMBERS or count != 1:
            return None
        (value,) = struct.unpack_from(self.order + _WHOLE_NUMBERS[kind], entry, 8)
        return int(value)

    def bytes_of(self, tag: int, data: bytes) -> bytes:
        """A tag's value, if it is bytes elsewhere in data; empty otherwise."""
        entry = self._entry(tag)
        if entry is None:
            return b""
        kind, count, offset = struct.unpack_from(self.order + "HII", entry, 2)
        return data[offset : offset + count] if kind in _BYTES else b""

    def tag_of(self, entry: bytes) -> int:
        """The tag of an entry."""
        (tag,) = struct.unpack_from(self.order + "H", entry)
        return int(tag)

    def _entry(self, tag: int) -> bytes | None:
        """The first entry with this tag."""
        return next((entry for entry in self.entries if self.tag_of(entry) == tag), None)


def read_directory(data: bytes) -> TiffDirectory:
    """Read the first directory; struct.error if even its entry count is missing."""
    order = ">" if data.startswith(b"MM") else "<"
    (start,) = struct.unpack_from(order + "I", data, 4)
    (claimed,) = struct.unpack_from(order + "H", data, start)
    first, end = start + 2, start + 2 + _ENTRY_BYTES * min(claimed, MAX_ENTRIES)
    whole = range(first, min(end, len(data)) - _ENTRY_BYTES + 1, _ENTRY_BYTES)
    return TiffDirectory(order, start, claimed, tuple(data[at : at + _ENTRY_BYTES] for at in whole))


def without_tags(data: bytes, tags: Collection[int]) -> bytes:
    """The TIFF with its first directory only, without these tags.

    No other byte moves and the file does not grow, so a truncated file stays truncated.
    """
    directory = read_directory(data)
    kept = [entry for entry in directory.entries if directory.tag_of(entry) not in tags]
    if len(kept) == directory.claimed:
        return data
    count = struct.pack(directory.order + "H", len(kept))
    written = count + b"".join(kept) + bytes(4)
    return data[: directory.start] + written + data[directory.start + len(written) :]
