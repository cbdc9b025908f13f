"""Walks over a JPEG's scans without decoding them: how many there are, and whether all are there.

Trusts no length field; takes some ten milliseconds for a megabyte.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass, field

from ocr_engine.errors import InvalidImage
from ocr_engine.images.jpeg_segments import FRAME_HEADERS

# Encoders write 1 to 20. Each scan of a progressive JPEG costs a pass over all of its pixels.
MAX_SCANS = 100
MAX_MARKERS = 100_000
END_OF_IMAGE = b"\xff\xd9"
START_OF_SCAN = b"\xff\xda"

_START_OF_SCAN, _EOI, _RESTART_INTERVAL = 0xDA, 0xD9, 0xDD
_STANDALONE = {0x01, 0xD8}
_MARKER = re.compile(rb"\xff+([^\x00\xff\xd0-\xd7])")
_RESTARTS = [bytes((0xFF, marker)) for marker in range(0xD0, 0xD8)]
_BLOCK = 8  # pixels
_COEFFICIENTS = 64
_ALL_BITS = 0xFF


@dataclass(slots=True)
class JpegScans:
    """What the markers of a JPEG say.

    sampling: horizontal and vertical sampling factors of its components, by their identifiers.
    low_bits: for each component, the lowest bit that the scans so far have contained of each
    coefficient; 0 means that the coefficient is complete.
    restarts_missing: restart markers that the last scan should have and does not.
    """

    ended: bool = False
    cut_in_header: bool = False
    count: int = 0
    width: int = 0
    height: int = 0
    restart_interval: int = 0
    sampling: dict[int, tuple[int, int]] = field(default_factory=dict)
    low_bits: dict[int, list[int]] = field(default_factory=dict)
    restarts_missing: int = 0

    @property
    def begun(self) -> bool:
        """Whether all data has at least begun: all bits of all components, all restart intervals.

        If so, at most the end of the last interval of the last scan is missing.
        """
        known = bool(self.sampling) and self.low_bits.keys() >= self.sampling.keys()
        complete = known and not any(map(any, self.low_bits.values()))
        return complete and not self.cut_in_header and self.restarts_missing == 0

    def add_frame(self, header: bytes) -> None:
        """Note the size and the components; struct.error or IndexError if they are cut off."""
        self.height, self.width, components = struct.unpack_from(">HHB", header, 1)
        for at in range(6, 6 + 3 * components, 3):
            self.sampling[header[at]] = (header[at + 1] >> 4 or 1, header[at + 1] & 0x0F or 1)

    def add_scan(self, header: bytes) -> None:
        """Note what a scan contains; IndexError or KeyError if its header is broken."""
        self.count += 1
        if self.count > MAX_SCANS:
            raise InvalidImage(f"the JPEG has more than {MAX_SCANS} scans")
        end = 1 + 2 * header[0]
        first, last, low = header[end], header[end + 1], header[end + 2] & 0x0F
        components = header[1:end:2]
        for component in components:
            bits = self.low_bits.setdefault(component, [_ALL_BITS] * _COEFFICIENTS)
            for coefficient in range(first, min(last, _COEFFICIENTS - 1) + 1):
                bits[coefficient] = min(bits[coefficient], low)
        units = self._units(components)
        self.restarts_missing = (units - 1) // self.restart_interval if self.restart_interval else 0

    def _units(self, components: bytes) -> int:
        """How many coded units (MCUs) a scan of these components has."""
        widest = max(across for across, _ in self.sampling.values())
        highest = max(down for _, down in self.sampling.values())
        across, down = self.sampling[components[0]] if len(components) == 1 else (1, 1)
        columns = _rounded_up(self.width * across, widest * _BLOCK)
        return columns * _rounded_up(self.height * down, highest * _BLOCK)


def read_scans(data: bytes) -> JpegScans:
    """Walk to the end of the first image; InvalidImage if it has too many scans or markers."""
    scans = JpegScans()
    position = 2
    markers = 0
    try:
        while (found := _MARKER.search(data, position)) is not None:
            marker, position = found[1][0], found.end()
            markers += 1
            if markers > MAX_MARKERS:
                raise InvalidImage(f"the JPEG has more than {MAX_MARKERS} markers")
            if marker == _EOI:
                scans.ended = True
                break
            if marker in _STANDALONE:
                continue
            scans.cut_in_header = True
            (length,) = struct.unpack_from(">H", data, position)
            content = data[position + 2 : position + length]
            if marker == _START_OF_SCAN:
                scans.add_scan(content)
            elif marker in FRAME_HEADERS:
                scans.add_frame(content)
            elif marker == _RESTART_INTERVAL:
                (scans.restart_interval,) = struct.unpack(">H", content)
            position += max(length, 2)
            scans.cut_in_header = position > len(data)
    except (IndexError, KeyError, struct.error):
        pass
    if scans.restarts_missing:
        scans.restarts_missing -= sum(data.count(marker, position) for marker in _RESTARTS)
    return scans


def _rounded_up(number: int, divisor: int) -> int:
    """The quotient, rounded up."""
    return -(-number // divisor)
