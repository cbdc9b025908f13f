"""How much memory a process has had at most."""

from __future__ import annotations

import re
from pathlib import Path


def peak_mb(pid: int) -> int:
    """The highest resident memory of a process since forget_peak()."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1]) >> 10


def forget_peak(pid: int) -> None:
    """Let the peak be what the process has now."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")
