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
    path = folder / "readings" / f"{reader}-{fingerprint}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    known = _known(path)
    digests = [hashlib.sha256(file.read_bytes()).hexdigest() for file in files]
    found = dict(zip(digests, files, strict=True))
    missing = [digest for digest in found if digest not in known]
    for first in range(0, len(missing), AT_ONCE):
        some = missing[first : first + AT_ONCE]
        print(f"{reader}: {len(missing) - first} images to read", flush=True)
        new = dict(zip(some, read([found[digest] for digest in some]), strict=True))
        with path.open("a", encoding="utf-8") as kept:
            kept.writelines(json.dumps(each, ensure_ascii=False) + "\n" for each in new.items())
        known.update(new)
    return [known[digest] for digest in digests]


def _known(path: Path) -> dict[str, PageReading]:
    """The readings by the digest of the image; a line for each."""
    if not path.is_file():
        return {}
    with path.open(encoding="utf-8") as lines:
        return {digest: PageReading(*reading) for digest, reading in map(json.loads, lines)}
