"""The peak memory of a process."""

from __future__ import annotations

import re
from pathlib import Path


def peak_mb(pid: int) -> int:
    """The highest resident memory of a process since forget_peak()."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1]) >> 10


def forget_peak(pid: int) -> None:
    """Reset the peak to the current memory."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")
