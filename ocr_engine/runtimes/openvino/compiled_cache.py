"""Models as OpenVINO compiled them, kept on disk: a start then takes half the time.

What is kept is the graph after all changes, not machine code. A file's name is made of all that it
depends on, so a file is right or has another name (docs/decisions/0023).
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
# In ONNX the key before the name of another file that holds weights: field 1, 8 bytes.
_WEIGHTS_ELSEWHERE = b"\x0a\x08location"


def default_folder() -> Path | None:
    """In the user's cache; None for a user without a home."""
    cache = user_cache()
    return cache / NAME / "compiled" if cache else None


def code_digest(folder: Path) -> str:
    """Changes with the code in a folder and those below it; empty where none can be read."""
    try:
        code = b"".join(file.read_bytes() for file in sorted(folder.rglob("*.py")))
    except OSError:
        return ""
    return hashlib.sha256(code).hexdigest() if code else ""


# Of runtimes/, session.py too, as it runs: the files may change under it.
CODE = code_digest(Path(__file__).parent.parent)


def compiled_name(settings: SessionSettings, properties: Mapping[str, object], cpu: object) -> str:
    """Of all that a compiled model depends on; empty where not all of that is known.

    cpu: what the CPU can do.
    """
    if not settings.digest or not CODE:
        return ""
    ranges = sorted(settings.ranges.items()) if settings.precision == "int8" else None
    model = (settings.digest, ranges, settings.normalization, sorted(properties.items()))
    machine = (platform.machine(), cpu, os.environ.get("ONEDNN_MAX_CPU_ISA"))
    depends_on = repr((ov.__version__, CODE, machine, model))
    return hashlib.sha256(depends_on.encode()).hexdigest()


def digest_matches(file: ModelFile, digest: str) -> bool:
    """Whether a model still has this digest, and no weights that it does not cover."""
    if file.path.suffix == ".onnx" and _WEIGHTS_ELSEWHERE in file.path.read_bytes():
        return False
    return digest_files(file) == digest


class CompiledModels:
    """A folder of the user's own with compiled models by name; an empty name is never kept.

    Where it cannot be read or written, or others can write to it, nothing is kept.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._keeps = True

    def load(
        self, core: ov.Core, name: str, properties: Mapping[str, object]
    ) -> ov.CompiledModel | None:
        """The model of this name, if it is kept and whole; MemoryError if there is no room."""
        if self._folder is None or not name:
            return None
        path = self._folder / name
        try:
            if not self._is_own(self._folder):
                return None
            content = path.read_bytes()
        except OSError:
            return None
        with contextlib.suppress(OSError):  # it may be read-only
            os.utime(path)
        digest, blob = content[:_DIGEST_BYTES], content[_DIGEST_BYTES:]
        if hashlib.sha256(blob).digest() != digest:
            log.warning("%s is broken; the model is compiled anew", path)
            return None
        try:
            return core.import_model(blob, "CPU", dict(properties))
        except MemoryError:
            raise
        except Exception as error:  # OpenVINO's C++ errors come as several types
            log.warning("%s cannot be used; the model is compiled anew: %s", path, error)
            return None

    def keep(self, name: str, model: ov.CompiledModel, file: ModelFile, digest: str) -> None:
        """Write what was compiled from a file; OpenVINO cannot export what it imported.

        It is written whole or not at all; the files that were longest not used go. A model that
        cannot be kept is no error, but the first one is told of and the last that is tried.
        """
        if self._folder is None or not name or not self._keeps:
            return
        try:
            if digest_matches(file, digest) and self._is_own(_made(self._folder)):
                _write_whole(self._folder / name, model.export_model().getvalue())
                _remove_old(self._folder)
        except Exception as error:  # whatever it is, the model is there
            self._keeps = False
            log.warning("compiled models are not kept: %s", error)

    def _is_own(self, folder: Path) -> bool:
        """Whether nobody else can write to the folder, or put another one in its place."""
        for level in (folder.parent, folder):
            found = level.lstat()
            own = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid()
            if not own or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
                log.warning("compiled models are not kept: others can write to %s", level)
                self._folder = None
                return False
        return True


def _made(folder: Path) -> Path:
    """The folder and the one above it, for the user alone if they are new."""
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
    """All but the MAX_FILES that were used last, and what nobody has finished in an hour."""
    used: dict[Path, float] = {}
    for path in folder.iterdir():
        with contextlib.suppress(FileNotFoundError):  # another worker may be at it, too
            used[path] = path.lstat().st_mtime
    finished = [path for path in used if len(path.name) == 2 * _DIGEST_BYTES]
    finished.sort(key=used.__getitem__, reverse=True)
    long_ago = time.time() - _UNFINISHED_SECONDS
    left = [path for path in used if path.name.startswith(_UNFINISHED) and used[path] < long_ago]
    for path in (*finished[MAX_FILES:], *left):
        path.unlink(missing_ok=True)
