"""What comes back: headers, results in every format, and errors by status."""

from __future__ import annotations

from collections.abc import Iterable
from http.client import responses as phrases
from typing import Any, get_args

from server.formats.registry import OUTPUT_FORMATS
from server.http.errors import RETRY_AFTER, STATUS
from server.http.openapi import examples
from server.http.openapi.schemas import Schema, count, reference, text
from server.service.jobs import JobState

Response = dict[str, Any]

JSON = "application/json"
ALWAYS = ("X-Request-Id", "X-Content-Type-Options")

# Media type, schema and example of each format.
RESULT_TYPES: dict[str, tuple[str, Schema, Any]] = {
    name: (row.media_type.partition(";")[0], dict(row.schema), row.example)
    for name, row in OUTPUT_FORMATS.items()
}


def header_components() -> dict[str, Any]:
    """Every header of an answer that means something here."""
    seconds = count()
    return {
        "X-Request-Id": _header(
            "Taken over from the request if it has one of 1 to 128 visible ASCII characters, else "
            "made up; the log has it, too.",
            text(pattern="^[!-~]{1,128}$"),
        ),
        "X-Content-Type-Options": _header("Text stays text.", {"const": "nosniff"}),
        "X-Cache": _header("What the cache had.", {"enum": ["miss", "hit", "joined"]}),
        "Age": _header("On hits: seconds since the result was stored.", seconds, required=False),
        "Server-Timing": _header(
            "Milliseconds in `queue`, `decode`, `det`, `cls`, `rec`, `draw` (`format=image`) and "
            "in `total`; a hit has `cache` and `total`.",
            text(pattern="total;dur=[0-9.]+$"),
        ),
        "ETag": _header("For If-None-Match.", text(pattern='^"[^"]+"$')),
        "Retry-After": _header("Seconds after which trying again makes sense.", seconds),
        "Location": _header("The address of the job.", text(format="uri-reference")),
        "Operation-Location": _header("The same as Location.", text(format="uri-reference")),
        "X-Job-State": _header("The state of the job.", {"enum": list(get_args(JobState))}),
        "Allow": _header("The methods that are possible.", text()),
    }


def headers(*names: str) -> dict[str, Any]:
    """References to headers; those of every answer come by themselves."""
    return {name: {"$ref": f"#/components/headers/{name}"} for name in (*ALWAYS, *names)}


def optional_header(name: str) -> dict[str, Any]:
    """A header of the components that is not on every such answer."""
    return {**header_components()[name], "required": False}


def plain(description: str, media_type: str, schema: Schema, example: Any = None) -> Response:
    """An answer of one kind."""
    content = {"schema": schema} | ({} if example is None else {"example": example})
    return {
        "description": description,
        "headers": headers(),
        "content": {media_type: content},
    }


def result(*more_headers: str) -> Response:
    """A recognized text, in whatever format was asked for."""
    return {
        "description": "The text; without text in the image, `lines` is empty.",
        "headers": headers("X-Cache", "Server-Timing", "Age", *more_headers),
        "content": result_content(),
    }


def result_content(json_schemas: Iterable[Schema] = (), **json_examples: Any) -> dict[str, Any]:
    """The content of a result by media type; more that may come as JSON."""
    schemas: dict[str, list[Schema]] = {JSON: list(json_schemas)}
    shown = {JSON: {name: {"value": value} for name, value in json_examples.items()}}
    for name, (media_type, schema, example) in RESULT_TYPES.items():
        schemas.setdefault(media_type, []).append(schema)
        if example is not None:
            entry = {"summary": f"format={name}", "value": example}
            shown.setdefault(media_type, {})[name] = entry
    return {
        media_type: {
            "schema": several[0] if len(several) == 1 else {"anyOf": several},
            **({"examples": shown[media_type]} if media_type in shown else {}),
        }
        for media_type, several in schemas.items()
    }


def accepted() -> Response:
    """A job was started."""
    return {
        "description": "With `block_flag` false: the work is under way; ask at the job's address.",
        "headers": headers("Location", "Operation-Location", "Retry-After", "X-Cache"),
        "content": {JSON: {"schema": reference("AcceptedAnswer"), "example": examples.ACCEPTED}},
        "links": {
            "job": {"operationId": "getJob", "parameters": {"id": "$response.body#/job/id"}},
            "cancel": {"operationId": "cancelJob", "parameters": {"id": "$response.body#/job/id"}},
        },
    }


def codes_by_status() -> dict[int, list[str]]:
    """The codes of errors that a status may come with."""
    codes: dict[int, list[str]] = {}
    for error, status in STATUS.items():
        code = str(getattr(error, "code", "internal_error"))
        if code not in codes.setdefault(status, []):
            codes[status].append(code)
    return codes


def error_components() -> dict[str, Response]:
    """One answer for each status of an error."""
    with_retry = {STATUS[error] for error in RETRY_AFTER}
    found = {}
    for status, codes in codes_by_status().items():
        shown = headers(*(["Retry-After"] if status in with_retry else []))
        if status == 405:
            shown |= headers("Allow")
        one_of_them = {"properties": {"error": {"properties": {"code": {"enum": codes}}}}}
        found[error_name(status)] = {
            "description": f"{phrases[status]}: {', '.join(f'`{code}`' for code in codes)}",
            "headers": shown,
            "x-status": status,
            "content": {
                JSON: {
                    "schema": {"allOf": [reference("Error"), one_of_them]},
                    "examples": {code: {"value": examples.error_example(code)} for code in codes},
                }
            },
        }
    return found


def errors(*statuses: int) -> dict[str, Response]:
    """References to the errors with these statuses."""
    return {
        str(status): {"$ref": f"#/components/responses/{error_name(status)}"} for status in statuses
    }


def error_name(status: int) -> str:
    """The name of a status among the components; the same in every version of Python."""
    return f"Error{status}"


def _header(description: str, schema: Schema, required: bool = True) -> dict[str, Any]:
    return {"description": description, "required": required, "schema": schema}
