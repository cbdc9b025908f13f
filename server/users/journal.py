"""The journal: usage events on the local disk, kept until the database has them.

A line is written with one system call before the answer is sent, so the events of a process that
is killed are complete; they can be lost only if the machine loses power within a second.

Each process writes its own segments and keeps a lock on them. A segment without a lock is left
from a dead process: the process that locks it moves it to the database. The folder is locked while
a segment is created and locked, and while segments are searched for. So no search finds a segment
that a living process has not locked yet.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from server.private_files import make_folder

SUFFIX = ".jsonl"
LOCK_NAME = "lock"
_LINE = re.compile(
    rb'\["([!#-[\]-~]{1,64})","([!#-[\]-~]{1,32})",(\d{1,12}\.\d{3}),"(\d{4}-\d\d-\d\d)",'
    rb'(\d{1,9}),(\d{1,9}),(\d{1,9}),(\d{1,9}\.\d{4}),(\d{1,18}),"([a-z_]{0,40})"\]'
)


class Event(NamedTuple):
    """A counted request; the columns of the table usage_event.

    at: Unix time. day: in quota.timezone. cached: images that needed no recognition of their own.
    seconds: of recognition. bytes: of the request's body. code: of the error, or empty.
    """

    id: str
    user: str
    at: float
    day: str
    images: int
    pages: int
    cached: int
    seconds: float
    bytes: int
    code: str


@dataclass(eq=False, slots=True)
class Segment:
    """A file of the journal, open and locked by this process."""

    path: Path
    descriptor: int
    size: int = 0
    unsynced: bool = False

    def close(self, remove: bool) -> None:
        """Release the lock; remove: delete the file, because the database has all its events."""
        if remove:
            self.path.unlink(missing_ok=True)
        os.close(self.descriptor)
        self.descriptor = -1


class Journal:
    """The segments of this process.

    append(), begin() and forget() are called on the event loop; what may wait for the disk is
    called in threads. name: of this process, unique. max_bytes: of all its segments.
    """

    def __init__(self, folder: Path, name: str, max_bytes: int) -> None:
        self._folder = folder
        self._name = name
        self._max_bytes = max_bytes
        self._number = 0
        self._made_folder = False
        self._bytes = 0
        self._segments: list[Segment] = []  # the last one is written
        self._closing = threading.Lock()

    @property
    def is_open(self) -> bool:
        """Whether there is a segment to write."""
        return bool(self._segments)

    @property
    def size(self) -> int:
        """The size of the segment that is being written, in bytes."""
        return self._segments[-1].size if self._segments else 0

    @property
    def sealed(self) -> list[Segment]:
        """The segments that are no longer written, oldest first."""
        return self._segments[:-1]

    def append(self, line: bytes) -> None:
        """Write a whole line; OSError if there is no room, and then nothing is written."""
        if not self._segments:
            raise OSError(errno.ENOENT, "there is no journal")
        if self._bytes + len(line) > self._max_bytes:
            raise OSError(errno.EFBIG, "usage.max_journal_mb is reached")
        segment = self._segments[-1]
        written = os.write(segment.descriptor, line)
        if written != len(line):
            os.ftruncate(segment.descriptor, segment.size)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        segment.size += written
        segment.unsynced = True
        self._bytes += written

    def sync(self) -> None:
        """Make what is written survive a loss of power."""
        for segment in tuple(self._segments):
            if segment.unsynced:
                segment.unsynced = False
                with self._closing:
                    if segment.descriptor >= 0:
                        os.fsync(segment.descriptor)

    def create(self) -> Segment:
        """A new segment, locked, for begin()."""
        if not self._made_folder:  # once: a state folder that was moved away may come back
            make_folder(self._folder)
            self._made_folder = True
        self._number += 1
        path = self._folder / f"{self._name}-{self._number:06d}{SUFFIX}"
        flags = os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_WRONLY | os.O_CLOEXEC
        with self._folder_locked():
            segment = Segment(path, os.open(path, flags, 0o600))
            fcntl.flock(segment.descriptor, fcntl.LOCK_EX)
        return segment

    def begin(self, segment: Segment) -> None:
        """Write to this segment from now on."""
        self._segments.append(segment)

    def forget(self, segment: Segment) -> None:
        """Drop a segment that the database has; call close() afterwards, in a thread."""
        self._segments.remove(segment)
        self._bytes -= segment.size

    def close(self, segment: Segment, remove: bool) -> None:
        """Close a segment, and remove it if the database has it."""
        with self._closing:
            segment.close(remove)

    def leave(self) -> None:
        """Close all segments when the process ends; those with events are left for others."""
        while self._segments:
            segment = self._segments.pop()
            self.close(segment, remove=segment.size == 0)

    def has_leftovers(self) -> bool:
        """Whether there may be segments of dead processes."""
        return any(self._folder.glob(f"*{SUFFIX}"))

    def leftovers(self) -> list[Segment]:
        """The segments of dead processes; they are locked now."""
        if not self._folder.is_dir():
            return []
        with self._folder_locked():
            paths = sorted(self._folder.glob(f"*{SUFFIX}"))
            found = [_locked(path) for path in paths if not path.name.startswith(self._name)]
        return [segment for segment in found if segment is not None]

    @contextlib.contextmanager
    def _folder_locked(self) -> Iterator[None]:
        flags = os.O_CREAT | os.O_RDWR | os.O_CLOEXEC
        descriptor = os.open(self._folder / LOCK_NAME, flags, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def _locked(path: Path) -> Segment | None:
    """The segment if no other process has locked it."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return None  # another process has moved it meanwhile
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return Segment(path, descriptor, os.fstat(descriptor).st_size)


def line_of(event: Event) -> bytes:
    """An event as a line, which is JSON; user and code are words without quotes and spaces."""
    name, user, at, day, images, pages, cached, seconds, size, code = event
    return (
        f'["{name}","{user}",{at:.3f},"{day}",{images},{pages},{cached},{seconds:.4f},'
        f'{size},"{code}"]\n'
    ).encode()


def read_events(path: Path) -> tuple[list[Event], int]:
    """The events of a segment, and how many lines are damaged.

    A last line without its end is ignored: a kill cut it off, before its request was answered.
    """
    *lines, _ = path.read_bytes().split(b"\n")
    return parsed_lines(lines)


def parsed_lines(lines: Iterable[bytes]) -> tuple[list[Event], int]:
    """The events of these lines, and how many lines are damaged."""
    found = [_parsed(line.rstrip(b"\n")) for line in lines]
    events = [event for event in found if event is not None]
    return events, len(found) - len(events)


def _parsed(line: bytes) -> Event | None:
    """The event of a line; None if the database would refuse it, and with it all others."""
    found = _LINE.fullmatch(line)
    if found is None:
        return None
    name, user, at, day, images, pages, cached, seconds, size, code = found.groups()
    return Event(
        name.decode(),
        user.decode(),
        float(at),
        day.decode(),
        int(images),
        int(pages),
        int(cached),
        float(seconds),
        int(size),
        code.decode(),
    )
