"""A memory cgroup for a server under test, in which the kernel kills processes at the limit."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

_CGROUPS = Path("/sys/fs/cgroup")
_V1, _V2 = _CGROUPS / "memory", _CGROUPS
_REMOVAL_SECONDS = 5.0


@contextlib.contextmanager
def memory_cgroup(limit_mb: int) -> Iterator[list[str]]:
    """A command prefix that runs a program in a cgroup; skips if no cgroup can be created."""
    try:
        folder = _make(limit_mb)
    except OSError as error:
        pytest.skip(f"no memory cgroup can be created here: {error}")
    enter = f'echo $$ > {folder / "cgroup.procs"} && exec "$@"'
    try:
        yield ["sh", "-c", enter, "sh"]
    finally:
        _remove(folder)


def _make(limit_mb: int) -> Path:
    """The folder of a new cgroup, of version 1 or 2, below this process's own."""
    version_1 = (_V1 / "memory.limit_in_bytes").exists()
    folder = (_V1 if version_1 else _V2) / f"ocr-test-{os.getpid()}"
    folder.mkdir()
    try:
        limits = folder / ("memory.limit_in_bytes" if version_1 else "memory.max")
        limits.write_text(str(limit_mb << 20))
        swap = folder / ("memory.memsw.limit_in_bytes" if version_1 else "memory.swap.max")
        with contextlib.suppress(OSError):  # a machine without swap has no such file
            swap.write_text(str(limit_mb << 20) if version_1 else "0")
    except OSError:
        folder.rmdir()
        raise
    return folder


def _remove(folder: Path) -> None:
    """Remove the cgroup once its last process is gone."""
    deadline = time.monotonic() + _REMOVAL_SECONDS
    while True:
        try:
            folder.rmdir()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return
