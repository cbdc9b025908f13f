"""Files that clients of Mistral's API upload before they have them read; kept in memory."""

from __future__ import annotations

import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from server.errors import NotFound

MAX_BYTES = 64 << 20
KEEP_SECONDS = 600.0
MAX_NAME = 255


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A file of a user. created_at: Unix seconds. name: as the client gave it."""

    file_id: str
    user: str
    data: bytes
    created_at: float
    name: str = ""

    @property
    def expires_at(self) -> float:
        """When it is deleted; Unix seconds."""
        return self.created_at + KEEP_SECONDS


class KeptFiles:
    """The files of all users; the oldest are deleted if they are too large together.

    clock: Unix seconds.
    """

    def __init__(self, max_bytes: int = MAX_BYTES, clock: Callable[[], float] = time.time) -> None:
        self._max_bytes = max_bytes
        self._clock = clock
        self._files: OrderedDict[str, KeptFile] = OrderedDict()
        self._bytes = 0

    def add(self, user: str, data: bytes, name: str = "") -> KeptFile:
        """Keep a file."""
        file = KeptFile(secrets.token_hex(16), user, data, self._clock(), name[:MAX_NAME])
        self._files[file.file_id] = file
        self._bytes += len(data)
        self._expire()
        return file

    def get(self, user: str, file_id: str) -> KeptFile:
        """The file; NotFound if this user has none with the id."""
        self._expire()
        file = self._files.get(file_id)
        if file is None or file.user != user:
            raise NotFound("no file has this id; files are kept for 10 minutes")
        return file

    def delete(self, user: str, file_id: str) -> None:
        """Delete the file; NotFound."""
        self._drop(self.get(user, file_id))

    def _expire(self) -> None:
        """Delete what has expired, and the oldest files if they are too large; the newest stays."""
        while len(self._files) > 1 and self._bytes > self._max_bytes:
            self._drop(next(iter(self._files.values())))
        while self._files:
            file = next(iter(self._files.values()))
            if file.expires_at > self._clock():
                return
            self._drop(file)

    def _drop(self, file: KeptFile) -> None:
        del self._files[file.file_id]
        self._bytes -= len(file.data)
