"""A disk cache of models compiled by OpenVINO, which halves the time of a start.

A file holds the graph after all changes, not machine code. The name of the file is a hash of
everything that the graph depends on, so a file is never stale (docs/decisions/0023).
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import platform
import stat
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import openvino as ov

from ocr_engine.models.source import ModelFile, digest_files
from ocr_engine.runtimes.session import SessionSettings
from ocr_engine.user_cache import NAME, user_cache

log = logging.getLogger(__name__)

MAX_FILES = 24  # one start writes four or five, of 1 to 7 MB
_DIGEST_BYTES = 32
_UNFINISHED = ".new-"
_UNFINISHED_SECONDS = 3600.0
# In ONNX, the key in front of the name of an external weights file: field 1, 8 bytes.
_EXTERNAL_WEIGHTS = b"\x0a\x08location"


def default_folder() -> Path | None:
    """The folder in the user's cache; None for a user without a home."""
    cache = user_cache()
    return cache / NAME / "compiled" if cache else None


def code_digest(folder: Path) -> str:
    """A digest of the Python code in a folder and below it; empty if it cannot be read."""
    try:
        code = b"".join(file.read_bytes() for file in sorted(folder.rglob("*.py")))
    except OSError:
        return ""
    return hashlib.sha256(code).hexdigest() if code else ""


# Of all of runtimes/, read at import: the files may change while the process runs.
CODE = code_digest(Path(__file__).parent.parent)


def compiled_name(settings: SessionSettings, properties: Mapping[str, object], cpu: object) -> str:
    """A hash of everything that a compiled model depends on; empty if some of it is unknown.

    cpu: the CPU's capabilities.
    """
    if not settings.digest or not CODE:
        return ""
    ranges = sorted(settings.ranges.items()) if settings.precision == "int8" else None
    model = (settings.digest, ranges, settings.normalization, sorted(properties.items()))
    machine = (platform.machine(), cpu, os.environ.get("ONEDNN_MAX_CPU_ISA"))
    depends_on = repr((ov.__version__, CODE, machine, model))
    return hashlib.sha256(depends_on.encode()).hexdigest()


def digest_matches(file: ModelFile, digest: str) -> bool:
    """Whether the files have this digest, and no external weights, which a digest omits."""
    if file.path.suffix == ".onnx" and _EXTERNAL_WEIGHTS in file.path.read_bytes():
        return False
    return digest_files(file) == digest


class CompiledModels:
    """A private folder of compiled models by name; nothing is stored under an empty name.

    Nothing is stored if the folder cannot be used, or if other users can write to it.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._keeps = True

    def load(
        self, core: ov.Core, name: str, properties: Mapping[str, object]
    ) -> ov.CompiledModel | None:
        """The model of this name, or None; MemoryError if memory runs out."""
        if self._folder is None or not name:
            return None
        path = self._folder / name
        try:
            if not self._is_private(self._folder):
                return None
            content = path.read_bytes()
        except OSError:
            return None
        with contextlib.suppress(OSError):  # it may be read-only
            os.utime(path)
        digest, blob = content[:_DIGEST_BYTES], content[_DIGEST_BYTES:]
        if hashlib.sha256(blob).digest() != digest:
            log.warning("%s is broken; the model is compiled again", path)
            return None
        try:
            return core.import_model(blob, "CPU", dict(properties))
        except MemoryError:
            raise
        except Exception as error:  # OpenVINO's C++ errors come as several types
            log.warning("%s cannot be used; the model is compiled again: %s", path, error)
            return None

    def keep(self, name: str, model: ov.CompiledModel, file: ModelFile, digest: str) -> None:
        """Store a model compiled from a file; OpenVINO cannot export one loaded from this cache.

        The write is atomic; the least recently used files are removed. A failure is not an error:
        it is logged once, and nothing more is stored.
        """
        if self._folder is None or not name or not self._keeps:
            return
        try:
            if digest_matches(file, digest) and self._is_private(_create(self._folder)):
                _write_whole(self._folder / name, model.export_model().getvalue())
                _remove_old(self._folder)
        except Exception as error:  # whatever it is, the model can be used
            self._keeps = False
            log.warning("compiled models are not cached: %s", error)

    def _is_private(self, folder: Path) -> bool:
        """Whether no other user can write to the folder or replace it."""
        for level in (folder.parent, folder):
            found = level.lstat()
            own = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid()
            if not own or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
                log.warning("compiled models are not cached: other users can write to %s", level)
                self._folder = None
                return False
        return True


def _create(folder: Path) -> Path:
    """Create the folder and its parent, accessible to the user only."""
    folder.parent.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.parent.mkdir(mode=0o700, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def _write_whole(path: Path, blob: bytes) -> None:
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=_UNFINISHED, delete=False) as file:
        try:
            file.write(hashlib.sha256(blob).digest())
            file.write(blob)
            file.flush()
            os.replace(file.name, path)
        except BaseException:
            os.unlink(file.name)
            raise


def _remove_old(folder: Path) -> None:
    """Keep the MAX_FILES most recently used files; remove unfinished ones after an hour."""
    used: dict[Path, float] = {}
    for path in folder.iterdir():
        with contextlib.suppress(FileNotFoundError):  # another worker may be removing files, too
            used[path] = path.lstat().st_mtime
    finished = [path for path in used if len(path.name) == 2 * _DIGEST_BYTES]
    finished.sort(key=used.__getitem__, reverse=True)
    long_ago = time.time() - _UNFINISHED_SECONDS
    stale = [path for path in used if path.name.startswith(_UNFINISHED) and used[path] < long_ago]
    for path in (*finished[MAX_FILES:], *stale):
        path.unlink(missing_ok=True)
