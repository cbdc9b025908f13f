"""Time zones that no machine has, for a server that reads them from PYTHONTZPATH."""

from __future__ import annotations

import struct
from pathlib import Path

DAY = 86_400


def zone_with_midnight_at(unix_time: int, folder: Path, name: str) -> dict[str, str]:
    """Write a zone in which a day begins at this time; the environment in which it is found.

    The file is a TZif file (RFC 9636) of version 1, with one offset from UTC.
    """
    offset = -unix_time % DAY
    if offset > DAY // 2:
        offset -= DAY
    header = struct.pack(">4s16x6L", b"TZif", 0, 0, 0, 0, 1, 4)
    (folder / name).write_bytes(header + struct.pack(">lBB4s", offset, 0, 0, b"ABC\0"))
    return {"PYTHONTZPATH": str(folder)}
