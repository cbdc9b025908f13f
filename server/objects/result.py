"""The result of an object, as it is put into its places."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ocr_engine.result import Document
from server.formats.data_json import data_of
from server.formats.json_text import JSON_TYPE, dump
from server.formats.registry import OUTPUT_FORMATS
from server.formats.rendering import Rendering
from server.formats.stored import arranged
from server.objects.errors import ReadFailure

ERROR_SUFFIX = ".error.json"


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read of an object, without the lines below drop_score.

    milliseconds: of its recognition. cached: it needed none of its own.
    """

    document: Document
    md5: str
    milliseconds: float
    cached: bool = False


@dataclass(frozen=True, slots=True)
class Version:
    """A version of an object, see Found."""

    source: str
    key: str
    etag: str


@dataclass(frozen=True, slots=True)
class ObjectResult:
    """The result of one version of an object, or its error.

    record: as JSON; it begins with the version. body: a file in the format that was chosen.
    suffix: of its name. replaces_error: the error of an earlier version is still there.
    """

    version: Version
    record: Mapping[str, Any]
    body: bytes
    suffix: str
    media_type: str
    text: str = ""
    failed: bool = False
    replaces_error: bool = False


def head_of(version: Version) -> dict[str, str]:
    """The beginning of a record."""
    return {"source": version.source, "key": version.key, "etag": version.etag}


def result_of(version: Version, reading: Reading, rendering: Rendering) -> ObjectResult:
    """The result; may be slow for a long text."""
    data = data_of(reading.document, rendering)
    record = {
        **head_of(version),
        "status": "success",
        "data": data,
        "md5": reading.md5,
        "elapsed_ms": reading.milliseconds,
    }
    row = OUTPUT_FORMATS[rendering.format]
    if row.write is None:
        body, media_type = dump(record) + b"\n", JSON_TYPE
    else:
        document = arranged(reading.document, None, rendering.order)
        body, media_type = row.write(document, rendering, version.key), row.media_type
    return ObjectResult(version, record, body, row.suffix, media_type, data["text"])


def error_of(version: Version, failure: ReadFailure) -> ObjectResult:
    """The result of an object that cannot be read."""
    error = {"code": failure.code, "message": failure.message}
    record = {**head_of(version), "status": "error", "error": error}
    body = dump(record) + b"\n"
    return ObjectResult(version, record, body, ERROR_SUFFIX, JSON_TYPE, failed=True)


def suffix_of(rendering: Rendering) -> str:
    """The suffix of results in this format."""
    return OUTPUT_FORMATS[rendering.format].suffix
