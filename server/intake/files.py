"""The files of a body that has many of them, as they arrive."""

from __future__ import annotations

from dataclasses import dataclass

from server.errors import BodyTooLarge

FILE_PARTS = ("file", "files")


@dataclass(frozen=True, slots=True)
class ArrivedFile:
    """A file. data: its bytes, or the JSON object that contains it; None if it was too large."""

    data: bytes | None
    is_json: bool = False


class ArrivingFiles:
    """The files that the reader of a body has found, until take_all() returns them.

    most: how many files one body may have. max_bytes: limit for each image. partial: bytes of the
    file that has not arrived completely.
    """

    def __init__(self, most: int, max_bytes: int) -> None:
        self.most = most
        self.max_bytes = max_bytes
        self.partial = 0
        self._begun = 0
        self._arrived: list[ArrivedFile] = []

    def begin(self) -> None:
        """Another file begins; BodyTooLarge if there are too many."""
        self._begun += 1
        if self._begun > self.most:
            raise BodyTooLarge(f"the request has more than {self.most} files, the maximum")

    def end(self, data: bytes | None, is_json: bool = False) -> None:
        """The file has arrived; data: as in ArrivedFile."""
        self.partial = 0
        self._arrived.append(ArrivedFile(data, is_json))

    @property
    def begun(self) -> int:
        """How many files have begun."""
        return self._begun

    def take_all(self) -> list[ArrivedFile]:
        """The files that have arrived since the last call."""
        arrived, self._arrived = self._arrived, []
        return arrived

    def __bool__(self) -> bool:
        return bool(self._arrived)
