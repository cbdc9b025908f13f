"""Places in object stores and places for results, as settings and commands name them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal

from server.settings.constraints import Schema
from server.settings.network_constraints import listed

SCHEME = "s3://"
BUCKET_FIELD = "{bucket}"
DATABASE = "database"
LINES_SUFFIX = ".jsonl"

ResultKind = Literal["bucket", "lines", "database", "folder"]

_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,254}", re.ASCII)
_SUFFIX = re.compile(r"\.[A-Za-z0-9.]{1,15}", re.ASCII)


@dataclass(frozen=True, slots=True)
class BucketPlace:
    """A bucket, or what is below a prefix of it. prefix: empty, or it ends with a slash."""

    bucket: str
    prefix: str = ""

    @property
    def source(self) -> str:
        """The name of the bucket as a source of objects."""
        return SCHEME + self.bucket

    def has(self, bucket: str, key: str) -> bool:
        """Whether an object is in this place."""
        return bucket == self.bucket and key.startswith(self.prefix)

    def __str__(self) -> str:
        return f"{self.source}/{self.prefix}"


def parse_bucket_place(text: str) -> BucketPlace:
    """The place of s3://BUCKET or s3://BUCKET/PREFIX; ValueError says what is expected."""
    bucket, _, prefix = text.removeprefix(SCHEME).partition("/")
    segments = prefix.rstrip("/").split("/") if prefix.strip("/") else []
    wrong = any(each in ("", ".", "..") for each in segments)
    if not text.startswith(SCHEME) or not _BUCKET.fullmatch(bucket) or wrong:
        raise ValueError("expected s3://BUCKET or s3://BUCKET/PREFIX")
    return BucketPlace(bucket, "".join(f"{each}/" for each in segments))


def kind_of_results(text: str) -> ResultKind:
    """What kind of place for results this is."""
    if text.startswith(SCHEME):
        return "bucket"
    if text == DATABASE:
        return "database"
    return "lines" if text.endswith(LINES_SUFFIX) else "folder"


@dataclass(frozen=True, slots=True)
class BucketPlaceList:
    """A list of places in buckets; separated by commas in the environment."""

    def __call__(self, value: Any) -> tuple[str, ...]:
        """See Constraint."""
        value = listed(value)
        if not isinstance(value, list) or not all(map(_is_bucket_place, value)):
            raise ValueError('expected a list of places such as ["s3://scans/in/"]')
        return tuple(value)

    def schema(self) -> Schema:
        """See Constraint."""
        return {"type": "array", "items": {"type": "string", "pattern": f"^{SCHEME}"}}


@dataclass(frozen=True, slots=True)
class ResultPlaceList:
    """A list of places for results; separated by commas in the environment."""

    def __call__(self, value: Any) -> tuple[str, ...]:
        """See Constraint."""
        value = listed(value)
        if not isinstance(value, list) or not all(map(is_result_place, value)):
            raise ValueError(
                'expected a list of places: "s3://BUCKET/PREFIX", "database", a file that ends '
                f'with "{LINES_SUFFIX}", or a folder'
            )
        return tuple(value)

    def schema(self) -> Schema:
        """See Constraint."""
        return {"type": "array", "items": {"type": "string", "minLength": 1}}


@dataclass(frozen=True, slots=True)
class SuffixList:
    """A list of endings of names, in lower case; separated by commas in the environment."""

    def __call__(self, value: Any) -> tuple[str, ...]:
        """See Constraint."""
        value = listed(value)
        good = isinstance(value, list) and all(
            isinstance(each, str) and _SUFFIX.fullmatch(each) for each in value
        )
        if not good:
            raise ValueError('expected a list of endings such as [".jpg", ".png"]')
        return tuple(each.lower() for each in value)

    def schema(self) -> Schema:
        """See Constraint."""
        return {"type": "array", "items": {"type": "string", "pattern": f"^{_SUFFIX.pattern}$"}}


def is_result_place(value: Any) -> bool:
    """Whether results may be put there, as far as the text says."""
    if not isinstance(value, str) or not value or "\0" in value:
        return False
    return kind_of_results(value) != "bucket" or _is_bucket_place(with_bucket(value, "bucket"))


def with_bucket(text: str, bucket: str) -> str:
    """A place for results of this bucket's objects: {bucket} stands for its name."""
    return text.replace(BUCKET_FIELD, bucket)


def _is_bucket_place(value: Any) -> bool:
    if not isinstance(value, str):
        return False
    try:
        parse_bucket_place(value)
    except ValueError:
        return False
    return True
