"""Models as OpenVINO compiled them, kept on disk: a start then takes half the time.

What is kept is the graph after all changes, not machine code. A file's name is made of all that it
depends on, so a file is right or has another name (docs/decisions/0023).
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

import openvino as ov

from ocr_engine.user_cache import NAME, user_cache

log = logging.getLogger(__name__)

MOST_FILES = 24  # one start writes four or five, of 1 to 7 MB
_DIGEST_BYTES = 32


def default_folder() -> Path | None:
    """In the user's cache; None for a user without a home."""
    cache = user_cache()
    return cache / NAME / "compiled" if cache else None


def code_digest() -> str:
    """Changes with the code that changes graphs."""
    files = sorted(Path(__file__).parent.glob("*.py"))
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


class CompiledModels:
    """A folder of the user's own with compiled models by name.

    Where it cannot be read or written, or is somebody else's, nothing is kept.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def load(
        self, core: ov.Core, name: str, properties: Mapping[str, object]
    ) -> ov.CompiledModel | None:
        """The model of this name, if it is kept and whole."""
        if self._folder is None:
            return None
        path = self._folder / name
        try:
            if self._folder.stat().st_uid != os.getuid():
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
        except RuntimeError as error:
            log.warning("%s cannot be used; the model is compiled anew: %s", path, error)
            return None

    def keep(self, name: str, model: ov.CompiledModel) -> None:
        """Write a model that was compiled; OpenVINO cannot export what it imported.

        It is written whole or not at all; the files that were longest not used go.
        """
        if self._folder is None:
            return
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if self._folder.stat().st_uid != os.getuid():
                return
            blob = model.export_model().getvalue()
            _write_whole(self._folder / name, hashlib.sha256(blob).digest() + blob)
            _remove_old(self._folder)
        except (OSError, RuntimeError) as error:  # OpenVINO may not know how to export it
            log.info("%s is not kept: %s", name, error)


def _write_whole(path: Path, content: bytes) -> None:
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
        try:
            file.write(content)
            file.flush()
            os.replace(file.name, path)
        except BaseException:
            os.unlink(file.name)
            raise


def _remove_old(folder: Path) -> None:
    files = sorted(folder.iterdir(), key=lambda file: file.stat().st_mtime, reverse=True)
    for file in files[MOST_FILES:]:
        file.unlink(missing_ok=True)
