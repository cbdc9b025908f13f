"""An object as it was found: in a listing, or in an event of its store."""

from __future__ import annotations

from dataclasses import dataclass

MAX_KEY_BYTES = 4096
MAX_ETAG = 255


@dataclass(frozen=True, slots=True)
class Found:
    """A version of an object. source: the bucket as s3://BUCKET, or the path of the folder.

    etag: differs for each version; empty if it is not known. modified_at: Unix seconds; None if
    unknown. sequencer: greater for later events about the same key; None if unknown.
    """

    source: str
    key: str
    etag: str
    size: int | None = None
    modified_at: float | None = None
    sequencer: str | None = None


def plain_etag(etag: str) -> str:
    """An etag without the quotes and the W/ that some stores and events have around it."""
    return etag.removeprefix("W/").strip('"')


def is_usable(key: str) -> bool:
    """Whether an object with this key can be read and named in a result.

    Not if it ends with a slash (a folder), or has segments that a path would not keep.
    """
    try:
        encoded = key.encode()
    except UnicodeEncodeError:  # a file name that is not UTF-8
        return False
    bad = any(segment in ("", ".", "..") for segment in key.split("/"))
    return not bad and len(encoded) <= MAX_KEY_BYTES and b"\0" not in encoded
