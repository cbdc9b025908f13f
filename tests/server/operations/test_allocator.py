"""Freed memory stays with the process, up to a limit and for a while."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading

import pytest

from server.operations.allocator import FreedMemory
from tests.support.checkout import ROOT

UPLOADS = 1000
UPLOAD_BYTES = 100_000

CODE = f"""
import resource, sys
sys.path.insert(0, {str(ROOT)!r})
from server.operations.allocator import keep_freed_memory
if "keep" in sys.argv:
    keep_freed_memory()

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

def take_and_free():
    pieces = [bytes({UPLOAD_BYTES}), bytearray({UPLOAD_BYTES}), bytes({UPLOAD_BYTES})]

take_and_free()
before = faults()
for _ in range({UPLOADS}):
    take_and_free()
print(faults() - before)
large = bytearray(b"x") * (64 << 20)
del large
print(next(int(line.split()[1]) for line in open("/proc/self/status") if "VmRSS" in line))
"""


def measured(*arguments: str) -> tuple[int, int]:
    """The page faults of many uploads, and resident KiB after a very large one."""
    command = [sys.executable, "-c", CODE, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    faults, resident = map(int, done.stdout.split())
    return faults, resident


def test_memory_is_not_allocated_again_with_each_upload() -> None:
    faults, resident = measured("keep")
    assert faults < UPLOADS
    assert resident < 40 << 10
    assert measured()[0] > 10 * UPLOADS  # else glibc has changed, and the module can go


class InUse:
    """Bytes that a test sets."""

    def __init__(self, peak: int, now: int) -> None:
        self.peak = peak
        self.now = now

    def total(self) -> int:
        return self.now


@pytest.mark.parametrize(
    ("peak_mb", "now_mb", "given_back"), [(65, 0, 1), (64, 0, 0), (1000, 935, 1), (1000, 936, 0)]
)
def test_memory_is_given_back_when_much_less_is_in_use(
    peak_mb: int, now_mb: int, given_back: int
) -> None:
    in_use, calls = InUse(peak_mb << 20, now_mb << 20), list[threading.Thread]()
    freed = FreedMemory(in_use, lambda: calls.append(threading.current_thread()))

    async def look_twice() -> None:
        await freed.look()
        await freed.look()  # the peak is forgotten

    asyncio.run(look_twice())
    assert len(calls) == given_back
    assert threading.main_thread() not in calls
