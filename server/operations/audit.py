"""The audit log: who did what and with what outcome, as JSON lines in a separate file.

A line has ids, addresses, codes, times and sizes only: write() takes nothing else, so no text, file
name, secret or query can get into it.

The file is for one day (UTC). The first process that writes on a new day renames it, under a lock,
from audit.jsonl to audit-2026-11-29.jsonl; the others notice that their file has another name now.
A line is one write to a file opened with O_APPEND, so the lines of several processes do not mix.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import logging
import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Literal, TextIO

from server.private_files import make_folder
from server.settings.audit import STDOUT

Action = Literal[
    "key_added",
    "key_changed",
    "key_rotated",
    "key_revoked",
    "key_purged",
    "job_created",
    "job_cancelled",
    "job_erased",
    "batch_created",
    "batch_cancelled",
    "batch_erased",
    "result_erased",
    "models_changed",
    "request_refused",
]

LOG_SECONDS = 60.0

log = logging.getLogger("server.audit")


@dataclass(slots=True)
class _Open:
    descriptor: int
    inode: int
    day: str


class AuditLog:
    """Appends to the file at `path`, or to `stream` if the path is STDOUT.

    stream: None for standard output. days: how long the files of earlier days are kept; None on the
    command line, where nothing is deleted. clock: Unix time. Call start() before; without it,
    write() does nothing.
    """

    def __init__(
        self,
        path: Path,
        days: int | None,
        clock: Callable[[], float] = time.time,
        stream: TextIO | None = None,
    ) -> None:
        self.is_on = False
        self._path = path
        self._days = days
        self._clock = clock
        self._stream = stream
        self._open: _Open | None = None
        self._torn = False  # the last line is incomplete
        self._next_warning = float("-inf")

    def start(self) -> None:
        """Write from now on."""
        self.is_on = True

    def open(self) -> None:
        """Open the file; OSError if that is not possible. Without this, write() opens it."""
        if self._path != STDOUT:
            self._opened(self._today())

    def write(
        self,
        action: Action,
        *,
        user: str,
        address: str = "",
        request_id: str = "",
        outcome: str = "ok",
        target: str = "",
        size: int | None = None,
        count: int | None = None,
    ) -> None:
        """Write a line, unless the audit log is off.

        user: the id of the key that was used, or `cli` for a command; empty if not known.
        outcome: `ok` or the code of the error. target: the id of the key or job. size: of the
        input, in bytes. count: how many times within a second.
        """
        if not self.is_on:
            return
        now = self._clock()
        values: dict[str, Any] = {
            "time": datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds"),
            "log": "audit",
            "action": action,
            "outcome": outcome,
            "user": user or None,
            "address": address or None,
            "request_id": request_id or None,
            "target": target or None,
            "bytes": size,
            "count": count,
        }
        line = json.dumps({key: value for key, value in values.items() if value is not None})
        try:
            self._append(line + "\n", values["time"][:10])
        except OSError as error:
            self._warn(error, now)

    def close(self) -> None:
        """Close the file; a later write() opens it again."""
        if self._open is not None:
            os.close(self._open.descriptor)
            self._open = None

    def _append(self, line: str, day: str) -> None:
        if self._path == STDOUT:
            print(line, end="", flush=True, file=self._stream or sys.stdout)
            return
        descriptor = self._opened(day).descriptor
        data = ("\n" + line if self._torn else line).encode()
        self._torn = os.write(descriptor, data) != len(data)
        if self._torn:  # the part is left there: another process may have written after it
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _opened(self, day: str) -> _Open:
        """The file of this day."""
        found = self._open
        if found is not None and found.day == day and self._inode() == found.inode:
            return found
        self.close()
        make_folder(self._path.parent)
        with self._locked():
            self._rotate(day)
            flags = os.O_CREAT | os.O_APPEND | os.O_WRONLY | os.O_CLOEXEC
            descriptor = os.open(self._path, flags, 0o600)
        self._open = _Open(descriptor, os.fstat(descriptor).st_ino, day)
        self._remove_old(day)
        return self._open

    def _rotate(self, day: str) -> None:
        """Rename the file of an earlier day, unless another process has done it."""
        try:
            with self._path.open("rb") as file:
                first = file.readline(200)
                written = os.fstat(file.fileno()).st_mtime
        except FileNotFoundError:
            return
        found = re.match(rb'\{"time": "(\d{4}-\d\d-\d\d)T', first)
        of = found[1].decode() if found else datetime.fromtimestamp(written, UTC).date().isoformat()
        if of >= day:
            return
        for number in range(1000):
            addition = f".{number}" if number else ""
            target = self._path.with_name(f"{self._path.stem}-{of}{addition}{self._path.suffix}")
            if not target.exists():
                self._path.rename(target)
                return

    def _remove_old(self, day: str) -> None:
        if self._days is None:
            return
        oldest = (date.fromisoformat(day) - timedelta(days=self._days)).isoformat()
        name = re.compile(
            rf"{re.escape(self._path.stem)}-(\d{{4}}-\d\d-\d\d)(\.\d+)?"
            rf"{re.escape(self._path.suffix)}"
        )
        for path in self._path.parent.iterdir():
            found = name.fullmatch(path.name)
            if found and found[1] < oldest:
                path.unlink(missing_ok=True)

    def _today(self) -> str:
        return datetime.fromtimestamp(self._clock(), UTC).date().isoformat()

    def _inode(self) -> int:
        try:
            return self._path.stat().st_ino
        except FileNotFoundError:
            return 0

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        flags = os.O_CREAT | os.O_RDWR | os.O_CLOEXEC
        descriptor = os.open(self._path.with_name(self._path.name + ".lock"), flags, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _warn(self, error: OSError, now: float) -> None:
        """Log that the audit log cannot be written; this does not stop the server."""
        if now >= self._next_warning:
            self._next_warning = now + LOG_SECONDS
            log.error("cannot write the audit log: %s", error.strerror or error)
