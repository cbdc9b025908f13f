"""Parameters and request bodies."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from server.formats.examples import MD5
from server.http.openapi import examples
from server.http.openapi.fields import image_schema
from server.intake.fields import BASE64_FIELD, IMAGE_PART
from server.intake.sources import FILE_TYPE_FIELD, SOURCE_FIELDS
from server.jobs.record import MAX_WAIT_SECONDS
from server.settings.constraints import Flag, Schema

Parameter = dict[str, Any]

FORM = "multipart/form-data"
URLENCODED = "application/x-www-form-urlencoded"
JSON = "application/json"
RAW_TYPES = ("image/jpeg", "image/png", "image/*", "application/pdf", "application/octet-stream")


def parameter_components() -> dict[str, Parameter]:
    """Parameters that several operations share."""
    return {
        "RequestId": _header(
            "X-Request-Id",
            "Your id for this request, 1 to 128 visible ASCII characters. The answer and the log "
            "repeat it. Any other value is replaced by a generated id.",
        ),
        "CacheControl": _header(
            "Cache-Control",
            "`no-cache` skips the cache lookup; the result is still stored.",
        ),
        "IdempotencyKey": {
            **_header(
                "Idempotency-Key",
                "A request that is repeated with the same key within 24 hours is answered as the "
                "first time, with the same job or result.",
            ),
            "schema": {"type": "string", "pattern": "^[ -~]{1,255}$"},
        },
        "IfNoneMatch": _header("If-None-Match", "ETags that the client has, or `*`."),
        "JobId": _in_path(
            "id",
            "The id of the job.",
            {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$"},
            examples.JOB_ID,
        ),
        "BatchId": _in_path(
            "id",
            "The id of the batch.",
            {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$"},
            examples.BATCH["id"],
        ),
        "DocumentId": _in_path(
            "id",
            "The id of the document.",
            {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$"},
            examples.KEPT["id"],
        ),
        "Page": _in_path(
            "page",
            "The number of the page, from 1.",
            {"type": "integer", "minimum": 1, "maximum": 9_999_999},
            1,
        ),
        "Md5": _in_path(
            "md5",
            "MD5 of the image's bytes, in hex.",
            {"type": "string", "pattern": "^[0-9A-Fa-f]{32}$"},
            MD5,
        ),
        "Wait": {
            "name": "wait",
            "in": "query",
            "description": "The longest time to wait for the end of the job, in seconds.",
            "schema": {"type": "number", "minimum": 0, "maximum": MAX_WAIT_SECONDS},
            "example": 0,
        },
    }


def shared(*names: str) -> list[Parameter]:
    """References to parameters of the components."""
    return [{"$ref": f"#/components/parameters/{name}"} for name in names]


def usage_parameters() -> list[Parameter]:
    """The parameters of /usage."""
    day = {"type": "string", "format": "date", "pattern": r"^2\d{3}-\d{2}-\d{2}$"}
    return [
        _in_query("from", "The first day, as YYYY-MM-DD; by default 29 days before `to`.", day),
        _in_query("to", "The last day; by default today. At most 366 days.", day),
        _in_query(
            "user",
            "Another user, or `*` for the sum of all; needs the scope `admin`.",
            {"type": "string", "pattern": r"^([0-9A-Za-z_-]{1,32}|\*)$"},
        ),
        _in_query(
            "format", "By default what Accept says.", {"type": "string", "enum": ["json", "csv"]}
        ),
        *shared("IfNoneMatch", "RequestId"),
    ]


def in_query(fields: dict[str, Schema], names: Iterable[str]) -> list[Parameter]:
    """Fields as parameters of the query string."""
    return [
        {
            "name": name,
            "in": "query",
            "description": fields[name].get("description", ""),
            "schema": {key: value for key, value in fields[name].items() if key != "description"},
        }
        for name in names
    ]


def body_of_service(fields: dict[str, Schema]) -> dict[str, Any]:
    """The body of POST /ocr_service: a form with the image, or with text that says what it is."""
    options = _options(fields)
    file = _form(fields, {IMAGE_PART: image_schema()}, options, "file")
    texts = [
        _form(fields, {field.name: fields[field.name]}, options, field.file_type)
        for field in sorted(SOURCE_FIELDS, key=lambda field: field.name != BASE64_FIELD)
        if field.name in fields
    ]
    in_json = [_with_null(form, FILE_TYPE_FIELD) for form in texts]
    return {
        "required": True,
        "content": {
            FORM: {"schema": {"anyOf": [file, *texts]}},
            URLENCODED: _with_example({"anyOf": texts}, drop_score=0.5),
            JSON: _with_example({"anyOf": in_json}, drop_score=0.5),
        },
    }


def body_of_ocr(fields: dict[str, Schema]) -> dict[str, Any]:
    """The body of POST /ocr: the image itself, or a form with it, its base64 or its URL."""
    options = _options(fields)
    file = _form(fields, {IMAGE_PART: image_schema()}, options)
    texts = [
        _form(fields, {field.name: fields[field.name]}, options)
        for field in SOURCE_FIELDS
        if field.in_ocr and field.name in fields
    ]
    in_text = {"anyOf": texts} if len(texts) > 1 else texts[0]
    raw = {"schema": {"type": "string", "format": "binary"}}
    return {
        "required": True,
        "content": {
            FORM: {"schema": {"anyOf": [file, *texts]}},
            **dict.fromkeys(RAW_TYPES, raw),
            URLENCODED: _with_example(in_text),
            JSON: _with_example(in_text),
        },
    }


def _options(fields: dict[str, Schema]) -> list[str]:
    sources = (FILE_TYPE_FIELD, *(field.name for field in SOURCE_FIELDS))
    return [name for name in fields if name not in sources]


def _form(
    fields: dict[str, Schema],
    image: dict[str, Schema],
    options: list[str],
    file_type: str | None = None,
) -> Schema:
    """The schema of a form with one kind of image source."""
    properties = dict(image)
    if file_type is not None:
        properties[FILE_TYPE_FIELD] = {**fields[FILE_TYPE_FIELD], "enum": [file_type]}
    properties |= {name: fields[name] for name in options}
    return {
        "title": f"file_type={file_type or _kind(image)}",
        "type": "object",
        "required": list(image),
        "properties": properties,
        "additionalProperties": False,
    }


def _kind(image: dict[str, Schema]) -> str:
    """The file_type of a form with this image."""
    return next((field.file_type for field in SOURCE_FIELDS if field.name in image), "file")


def _with_null(form: Schema, name: str) -> Schema:
    """The same schema, with null allowed: in JSON, null is the same as no property."""
    properties = form["properties"]
    allowed = {**properties[name], "type": ["string", "null"]}
    allowed["enum"] = [*allowed["enum"], None]
    return {**form, "properties": {**properties, name: allowed}}


def _with_example(schema: Schema, **more: Any) -> dict[str, Any]:
    return {"schema": schema, "example": {BASE64_FIELD: examples.IMAGE, **more}}


def _header(name: str, description: str) -> Parameter:
    return {
        "name": name,
        "in": "header",
        "description": description,
        "schema": {"type": "string"},
    }


def probe_parameter() -> Parameter:
    """The parameter of /healthz."""
    return _in_query(
        "probe",
        "1: every worker reads a known image first, at most once in 5 s; requests in between share "
        "the report. Where keys are required, needs one with the scope `metrics`.",
        Flag().schema(),
    )


def _in_query(name: str, description: str, schema: Schema) -> Parameter:
    return {"name": name, "in": "query", "description": description, "schema": schema}


def _in_path(name: str, description: str, schema: Schema, example: str | int) -> Parameter:
    return {
        "name": name,
        "in": "path",
        "required": True,
        "description": description,
        "schema": schema,
        "example": example,
    }
