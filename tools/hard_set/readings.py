"""What readers read, kept on disk by image, so that only other readers and new images take time."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from hard_set.store import FOLDER

AT_ONCE = 10  # images that are read before the readings are written


class PageReading(NamedTuple):
    """The lines that were read in an image, with their boxes, and the seconds that it took."""

    lines: list[tuple[str, Any]]
    seconds: float


ReadFiles = Callable[[Sequence[Path]], list[PageReading]]


def kept_readings(
    reader: str, fingerprint: str, files: Sequence[Path], read: ReadFiles, folder: Path = FOLDER
) -> list[PageReading]:
    """The reading of each file; `read` is asked for those that this reader has not read yet.

    fingerprint: of all that may change what the reader reads.
    """
    path = folder / "readings" / f"{reader}-{fingerprint}.json"
    known: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    digests = [hashlib.sha256(file.read_bytes()).hexdigest() for file in files]
    found = dict(zip(digests, files, strict=True))
    missing = [digest for digest in found if digest not in known]
    for first in range(0, len(missing), AT_ONCE):
        some = missing[first : first + AT_ONCE]
        print(f"{reader}: {len(missing) - first} images to read", flush=True)
        known.update(zip(some, read([found[digest] for digest in some]), strict=True))
        _write(path, known)
    return [PageReading(*known[digest]) for digest in digests]


def _write(path: Path, known: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    written = path.with_suffix(".new")
    written.write_text(json.dumps(known, ensure_ascii=False), encoding="utf-8")
    written.replace(path)
