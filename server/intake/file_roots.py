"""Images named by their path on the server, restricted to the configured root folders.

Each part of the path is opened relative to its parent's descriptor, without following links, so
a link or a concurrent rename cannot lead outside. All refusals are the same NotFound.
"""

from __future__ import annotations

import asyncio
import os
import stat
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from cachetools import LRUCache

from cache.keys import Digests, ImageHasher, digest
from ocr_engine.documents.kinds import START_BYTES
from server.errors import BodyTooLarge, NotFound
from server.intake.request import ImageBytes, SourceFile
from server.principal import Scope

_FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
SETTLED_SECONDS = 2.0
_REMEMBERED_FILES = 10_000
_BLOCK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class FileIdentity:
    """Metadata that changes with a file; ctime changes even if somebody restores the mtime."""

    device: int
    inode: int
    size: int
    mtime_ns: int
    ctime_ns: int


@dataclass(frozen=True, slots=True)
class OpenedFile:
    """An open regular file; close() it."""

    descriptor: int
    identity: FileIdentity

    def close(self) -> None:
        """Close the descriptor."""
        os.close(self.descriptor)


class FileRoots:
    """The folders in which clients may name files, and the digests of files read before."""

    def __init__(
        self, roots: Sequence[Path], max_bytes: int, max_document_bytes: int | None = None
    ) -> None:
        self._roots = tuple(roots)
        self._max_bytes = max_bytes
        self._max_document_bytes = max_document_bytes or max_bytes
        self._digests: LRUCache[tuple[str, FileIdentity], Digests] = LRUCache(_REMEMBERED_FILES)

    def open(self, path: str) -> OpenedFile:
        """Open a file by the client's path; blocks on the disk, so run it in a thread.

        A relative path starts at a root or at a root's parent folder; an absolute path must begin
        with a root. NotFound for everything that is not a regular file there.
        """
        for root in self._roots:
            for parts in _inside(root, path):
                opened = _open_parts(root, parts)
                if opened is not None:
                    return opened
        raise NotFound("the folders in filename_roots have no image with this path")

    def known_digests(self, opened: OpenedFile, owner: str) -> Digests | None:
        """The digests of the file if it is unchanged since it was read for this owner, or None."""
        digests: Digests | None = self._digests.get((owner, opened.identity))
        return digests

    def read(self, opened: OpenedFile) -> ImageBytes:
        """Read and hash the file once; blocks, so run it in a thread.

        BodyTooLarge if it is larger than an upload may be.
        """
        if opened.identity.size > self._max_bytes:
            raise BodyTooLarge(
                f"the file has {opened.identity.size} bytes; at most {self._max_bytes} are accepted"
            )
        with os.fdopen(os.dup(opened.descriptor), "rb") as stream:
            data = stream.read(self._max_bytes + 1)
        if len(data) > self._max_bytes:
            raise BodyTooLarge(f"the file is larger than the limit of {self._max_bytes} bytes")
        return ImageBytes(data, digest(data))

    def digest(self, opened: OpenedFile, owner: str) -> Digests:
        """The digests of a file that stays where it is; blocks, so run it in a thread.

        BodyTooLarge if it is larger than a document may be.
        """
        known = self.known_digests(opened, owner)
        if known is not None:
            return known
        if opened.identity.size > self._max_document_bytes:
            raise BodyTooLarge(
                f"the file has {opened.identity.size} bytes; at most {self._max_document_bytes} "
                "are accepted"
            )
        hasher = ImageHasher()
        place = 0
        while block := os.pread(opened.descriptor, _BLOCK_BYTES, place):
            hasher.update(block)
            place += len(block)
        return hasher.digests()

    def remember(self, opened: OpenedFile, digests: Digests, owner: str) -> None:
        """Keep the digests, unless the file changed while it was read or shortly before.

        A file that is written twice within one tick of the file system's clock looks unchanged.
        After SETTLED_SECONDS without a change, this cannot happen.
        """
        now = _identity(os.fstat(opened.descriptor))
        settled = time.time_ns() - now.ctime_ns > SETTLED_SECONDS * 1e9
        if now == opened.identity and settled:
            self._digests[owner, now] = digests


class RootedFile:
    """The image at the path that the client gave; see ImageSource.

    The file is read once, so the bytes that are hashed are the bytes that are recognized.
    """

    scope: Scope = "filename"

    def __init__(self, files: FileRoots, path: str) -> None:
        self._files = files
        self._path = path
        self._opened: OpenedFile | None = None
        self._start = b""

    async def open(self) -> None:
        """See ImageSource; NotFound."""
        if self._opened is None:
            self._opened, self._start = await asyncio.to_thread(self._open)

    def known_digests(self, owner: str) -> Digests | None:
        """See ImageSource; known if the file has not changed since it was read."""
        return None if self._opened is None else self._files.known_digests(self._opened, owner)

    def bytes_to_read(self) -> int:
        """See ImageSource."""
        return 0 if self._opened is None else self._opened.identity.size

    async def read(self, owner: str) -> ImageBytes:
        """See ImageSource; BodyTooLarge."""
        assert self._opened is not None
        image = await asyncio.to_thread(self._files.read, self._opened)
        if image.digests is not None:
            self._files.remember(self._opened, image.digests, owner)
        return image

    def close(self) -> None:
        """See ImageSource."""
        if self._opened is not None:
            self._opened.close()
            self._opened = None

    async def start(self) -> bytes:
        """See FileSource."""
        return self._start

    async def as_file(self, owner: str) -> SourceFile:
        """See FileSource; BodyTooLarge."""
        opened = self._opened
        assert opened is not None
        digests = await asyncio.to_thread(self._files.digest, opened, owner)
        self._files.remember(opened, digests, owner)
        identity = opened.identity
        return SourceFile(os.dup(opened.descriptor), identity.size, digests, identity.ctime_ns)

    def _open(self) -> tuple[OpenedFile, bytes]:
        """The file, and how it starts; runs in a thread."""
        opened = self._files.open(self._path)
        try:
            return opened, os.pread(opened.descriptor, START_BYTES, 0)
        except OSError:  # reading it will say so
            return opened, b""


def _inside(root: Path, path: str) -> list[tuple[str, ...]]:
    """The possible locations of the path in the root, as parts below the root."""
    if not path or "\0" in path or len(path) > 4096:
        return []
    pure = PurePosixPath(path)
    parts = pure.parts
    if ".." in parts:
        return []
    if pure.is_absolute():
        prefix = root.parts
        return [parts[len(prefix) :]] if parts[: len(prefix)] == prefix else []
    ways = [parts]
    if parts and parts[0] == root.name:
        ways.append(parts[1:])
    return ways


def _open_parts(root: Path, parts: tuple[str, ...]) -> OpenedFile | None:
    if not parts:
        return None
    opened: list[int] = []
    try:
        opened.append(os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))
        for folder in parts[:-1]:
            opened.append(os.open(folder, _FOLDER_FLAGS, dir_fd=opened[-1]))
        descriptor = os.open(parts[-1], _FILE_FLAGS, dir_fd=opened[-1])
    except (OSError, ValueError):
        return None
    finally:
        for folder_descriptor in opened:
            os.close(folder_descriptor)
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        return None
    return OpenedFile(descriptor, _identity(status))


def _identity(status: os.stat_result) -> FileIdentity:
    return FileIdentity(
        status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
    )
