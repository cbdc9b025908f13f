"""From the fields of a form to what is asked: which picture, with which options, answered how."""

from __future__ import annotations

import dataclasses
import difflib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args

from ocr_engine.options import Granularity, RecognitionOptions
from server.body import Form, Upload
from server.constraints import Choice, Constraint, Flag, Number, WholeNumber
from server.errors import BadField, MissingFile, OneFileOnly, shown
from server.fields import BASE64_FIELD
from server.formats.registry import FORMATS, OUTPUT_FORMATS, Format
from server.settings import PredictSystemSettings, constraint_of

_OPTIONS = (
    "det_limit_side_len",
    "det_limit_type",
    "det_db_thresh",
    "det_db_box_thresh",
    "det_db_unclip_ratio",
    "use_angle_cls",
    "drop_score",
)
OPTION_FIELDS: dict[str, Constraint] = {
    **{name: constraint_of(PredictSystemSettings, name) for name in _OPTIONS},
    "granularity": Choice(*get_args(Granularity)),
}
_REQUEST_FIELDS: dict[str, Constraint] = {
    "block_flag": Flag(),
    "format": Choice(*FORMATS),
    "timeout_ms": WholeNumber(1, 3_600_000),
}
_FILE_TYPE: Constraint = Choice("file", "filename", "base64")
_SOURCE_FIELDS = ("file_type", "filename", BASE64_FIELD)
KNOWN_FIELDS = (*_SOURCE_FIELDS, *_REQUEST_FIELDS, *OPTION_FIELDS)
CONSTRAINTS: dict[str, Constraint] = {
    "file_type": _FILE_TYPE,
    **_REQUEST_FIELDS,
    **OPTION_FIELDS,
}


@dataclass(frozen=True, slots=True)
class NamedFile:
    """A picture on the server, by the path that the client gave."""

    path: str


@dataclass(frozen=True, slots=True)
class Base64Text:
    """A picture as base64 text, with or without a data-URI prefix."""

    text: str


Source = Upload | NamedFile | Base64Text


@dataclass(frozen=True, slots=True)
class OcrRequest:
    """One request, checked. timeout_seconds: how long the client waits at most, None: no limit.

    read_cache: False reads past the cache (the answer is still stored).
    """

    source: Source
    options: RecognitionOptions
    block: bool = True
    format: Format = "json"
    timeout_seconds: float | None = None
    read_cache: bool = True


def parse_request(form: Form, defaults: RecognitionOptions, read_cache: bool = True) -> OcrRequest:
    """Check every field; BadField names the one that is wrong and what would be accepted."""
    fields = form.fields
    for name in fields:
        if name not in KNOWN_FIELDS:
            raise BadField(_unknown(name))
    values = _checked_fields(fields, _REQUEST_FIELDS)
    timeout_ms = values.get("timeout_ms")
    chosen: Format = values.get("format", "json")
    return OcrRequest(
        source=_source(form),
        options=parse_options(fields, defaults, chosen),
        block=values.get("block_flag", True),
        format=chosen,
        timeout_seconds=None if timeout_ms is None else timeout_ms / 1000,
        read_cache=read_cache,
    )


def parse_options(
    fields: Mapping[str, Any], defaults: RecognitionOptions, chosen: Format = "json"
) -> RecognitionOptions:
    """The recognition options among the fields, over the format's and the server's own."""
    asked = {**OUTPUT_FORMATS[chosen].implied, **_checked_fields(fields, OPTION_FIELDS)}
    return dataclasses.replace(defaults, **asked) if asked else defaults


def parse_format(text: str) -> Format:
    """A format by its name."""
    chosen: Format = _checked("format", text, _REQUEST_FIELDS["format"])
    return chosen


def parse_seconds(name: str, text: str, most: float) -> float:
    """A number of seconds from 0 to most."""
    seconds: float = _checked(name, text, Number(0, most))
    return seconds


def _source(form: Form) -> Source:
    fields = form.fields
    given = fields.get("file_type")
    kind = _infer_file_type(form) if given is None else _checked("file_type", given, _FILE_TYPE)
    if kind == "file":
        if form.upload is None:
            raise MissingFile("there is no picture: send it as the form-data part `file`")
        if not form.upload.data:
            raise MissingFile("the part `file` is empty; send the picture's bytes in it")
        return form.upload
    if kind == "filename":
        return NamedFile(_text(fields, "filename", "the path of a picture on the server"))
    return Base64Text(_text(fields, BASE64_FIELD, "the picture as base64"))


def _infer_file_type(form: Form) -> str:
    """The file_type of a request that does not say it."""
    there = {
        "file": form.upload is not None,
        "base64": BASE64_FIELD in form.fields,
        "filename": "filename" in form.fields,
    }
    kinds = [kind for kind, is_there in there.items() if is_there]
    if not kinds:
        raise MissingFile(
            "there is no picture: send the form-data part `file`, or the field `image` with "
            "base64, or the field `filename`"
        )
    if len(kinds) > 1:
        raise OneFileOnly(
            f"there is more than one picture ({', '.join(kinds)}); say which with file_type"
        )
    return kinds[0]


def _text(fields: Mapping[str, Any], name: str, what: str) -> str:
    value = fields.get(name)
    if value is None or value == "":
        raise MissingFile(f"the field `{name}` is missing or empty; put {what} into it")
    if not isinstance(value, str):
        raise BadField(f"{name} must be a text: {what}")
    return value


def _checked_fields(
    fields: Mapping[str, Any], constraints: Mapping[str, Constraint]
) -> dict[str, Any]:
    """The fields that there is a constraint for, converted by it."""
    return {
        name: _checked(name, fields[name], constraint)
        for name, constraint in constraints.items()
        if name in fields
    }


def _checked(name: str, value: Any, constraint: Constraint) -> Any:
    try:
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError("expected a finite number")
        return constraint(value)
    except ValueError as error:
        raise BadField(f"{name} = {shown(value)}: {error}") from None


def _unknown(name: str) -> str:
    close = difflib.get_close_matches(name, KNOWN_FIELDS, n=1)
    hint = f"did you mean {close[0]}?" if close else f"known are {', '.join(KNOWN_FIELDS)}"
    return f"unknown field {shown(name)}; {hint}"
