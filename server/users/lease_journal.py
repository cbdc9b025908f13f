"""What this process has spent of its leases, in a file that survives kill -9.

The file is mapped into memory. So a note costs as much as an assignment, and the kernel keeps it
even if the process is killed. The process locks the file, and the kernel releases the lock when the
process ends: so others on this machine can tell whether it lives. After a crash of the machine, the
file may be stale: then its boot id is not the machine's, and all leases in it count as spent
(docs/decisions/0034).

A file is an array of 64-bit numbers: the boot id (two), then pairs of lease id and spent.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from server.private_files import make_folder

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_NUMBER = 8  # bytes
_HEADER = 2  # numbers
_PAIRS = 254  # at first; doubled when all are used
_NEW = "new-"  # not locked yet


class Journal(Protocol):
    """Where a process notes what it has spent."""

    owner: str

    def begin(self, lease_id: int) -> int:
        """Begin a lease with nothing spent; returns its place in the journal."""

    def note(self, place: int, spent: int) -> None:
        """Note how much of the lease is spent, before the answer is sent."""

    def end(self, place: int) -> None:
        """Forget a lease whose row is deleted."""

    def close(self) -> None:
        """Called when all leases have been given back."""


class NoJournal:
    """The journal if no file can be written; all that a killed process had leased is spent."""

    def __init__(self) -> None:
        self.owner = new_id()

    def begin(self, lease_id: int) -> int:
        """See Journal."""
        return 0

    def note(self, place: int, spent: int) -> None:
        """See Journal."""

    def end(self, place: int) -> None:
        """See Journal."""

    def close(self) -> None:
        """See Journal."""


class LeaseJournal:
    """The file of this process, locked while the process lives."""

    def __init__(self, path: Path, descriptor: int, numbers: memoryview[int]) -> None:
        self.owner = path.name
        self._path = path
        self._descriptor = descriptor
        self._numbers = numbers
        self._free = list(range(_HEADER, len(numbers), 2))

    def begin(self, lease_id: int) -> int:
        """See Journal."""
        if not self._free:
            self._grow()
        place = self._free.pop()
        self._numbers[place + 1] = 0
        self._numbers[place] = lease_id
        return place

    def note(self, place: int, spent: int) -> None:
        """See Journal; one store of 8 bytes, which a kill cannot cut in two."""
        self._numbers[place + 1] = spent

    def end(self, place: int) -> None:
        """See Journal."""
        self._numbers[place] = 0
        self._free.append(place)

    def close(self) -> None:
        """See Journal; deletes the file."""
        self._numbers.release()
        self._path.unlink(missing_ok=True)
        os.close(self._descriptor)

    def _grow(self) -> None:
        used = len(self._numbers)
        numbers = _mapped(self._descriptor, _HEADER + 2 * (used - _HEADER))
        self._numbers.release()
        self._numbers = numbers
        self._free += range(used, len(numbers), 2)


@dataclass(frozen=True, slots=True)
class DeadOwner:
    """A process that has ended. spent: by lease id; None: unknown, after a crash of the machine."""

    owner: str
    spent: dict[int, int] | None


def open_journal(folder: Path) -> LeaseJournal:
    """A new journal in the folder, which is created; OSError if it cannot be written."""
    make_folder(folder)
    path = folder / new_id()
    unlocked = path.with_name(_NEW + path.name)
    descriptor = os.open(unlocked, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        numbers = _mapped(descriptor, _HEADER + 2 * _PAIRS)
        numbers[0], numbers[1] = boot_id()
        unlocked.rename(path)
    except BaseException:
        unlocked.unlink(missing_ok=True)
        os.close(descriptor)
        raise
    return LeaseJournal(path, descriptor, numbers)


@contextmanager
def dead_owner(path: Path) -> Iterator[DeadOwner | None]:
    """The owner of a journal if that process has ended, else None; the file may be deleted then."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        yield None
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        yield None
    else:
        yield DeadOwner(path.name, _read(descriptor))
    finally:
        os.close(descriptor)


def journals(folder: Path) -> list[Path]:
    """The journals in the folder, of living and dead processes."""
    return [path for path in folder.glob("*") if not path.name.startswith(_NEW)]


def new_id() -> str:
    """A random id of 63 bits, as 16 hexadecimal digits; not 0."""
    return f"{secrets.randbelow((1 << 63) - 1) + 1:016x}"


def boot_id() -> tuple[int, int]:
    """Two numbers that change when the machine is started; zeros if the system has no boot id."""
    try:
        digits = BOOT_ID.read_text().strip().replace("-", "")
        return int(digits[:16], 16), int(digits[16:], 16)
    except (OSError, ValueError):
        return 0, 0


def _mapped(descriptor: int, length: int) -> memoryview[int]:
    """The file, mapped as this many numbers.

    Its space is allocated first: without it, a write on a full disk would kill the process.
    """
    os.posix_fallocate(descriptor, 0, length * _NUMBER)
    return memoryview(mmap.mmap(descriptor, length * _NUMBER)).cast("Q")


def _read(descriptor: int) -> dict[int, int] | None:
    data = os.pread(descriptor, os.fstat(descriptor).st_size, 0)
    numbers = memoryview(data[: len(data) // _NUMBER * _NUMBER]).cast("Q")
    if len(numbers) < _HEADER or tuple(numbers[:_HEADER]) != boot_id():
        return None
    pairs = range(_HEADER, len(numbers) - 1, 2)
    return {numbers[at]: numbers[at + 1] for at in pairs if numbers[at]}
