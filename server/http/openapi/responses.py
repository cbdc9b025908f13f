"""Responses: headers, results in every format, and errors by status."""

from __future__ import annotations

from collections.abc import Iterable
from http.client import responses as phrases
from typing import Any, get_args

from server.formats.answer import CacheOutcome
from server.formats.registry import OUTPUT_FORMATS
from server.http.errors import RETRY_AFTER, STATUS
from server.http.openapi import examples
from server.http.openapi.schemas import count, text
from server.http.openapi.typed_schemas import reference
from server.jobs.record import JobState
from server.settings.constraints import Schema

Response = dict[str, Any]

JSON = "application/json"
ALWAYS = ("X-Request-Id", "X-Content-Type-Options")
RATE_LIMITS = ("RateLimit-Policy", "RateLimit")

# The media type, schema and example of each format.
RESULT_TYPES: dict[str, tuple[str, Schema, Any]] = {
    name: (row.media_type.partition(";")[0], dict(row.schema), row.example)
    for name, row in OUTPUT_FORMATS.items()
}


def header_components() -> dict[str, Any]:
    """All documented response headers."""
    seconds = count()
    return {
        "X-Request-Id": _header(
            "The request's id if it has 1 to 128 visible ASCII characters, otherwise a generated "
            "id. The log has it, too.",
            text(pattern="^[!-~]{1,128}$"),
        ),
        "X-Content-Type-Options": _header("No content sniffing.", {"const": "nosniff"}),
        "X-Cache": _header("The cache outcome.", {"enum": list(get_args(CacheOutcome))}),
        "Age": _header("For hits: seconds since the result was stored.", seconds, required=False),
        "Server-Timing": _header(
            "Milliseconds in `queue`, `decode`, `det`, `cls`, `rec`, `remote` (models on another "
            "server), `draw` (`format=image`) and `total`; a hit has `cache` and `total`.",
            text(pattern="total;dur=[0-9.]+$"),
        ),
        "X-Pdf-Changes": _header(
            "For `format=pdfa`: what was dropped or converted.", text(), required=False
        ),
        "X-Failed-Pages": _header(
            "The first 100 pages of a document that have no result.",
            text(pattern="^[0-9]+(, [0-9]+)*$"),
            required=False,
        ),
        "ETag": _header("For If-None-Match.", text(pattern='^"[^"]+"$')),
        "Vary": _header("The answer depends on `Accept`.", text()),
        "Retry-After": _header("Seconds to wait before trying again.", seconds),
        "RateLimit-Policy": _header(
            "The limits of the key or address (draft-ietf-httpapi-ratelimit-headers-11).",
            text(pattern='^"[a-z]+";q=[0-9]+'),
            required=False,
        ),
        "RateLimit": _header(
            "What is left of these limits, and the seconds until there is more.",
            text(pattern='^"[a-z]+";r=[0-9]+'),
            required=False,
        ),
        "Location": _header("The address of the job or document.", text(format="uri-reference")),
        "Operation-Location": _header("The same as Location.", text(format="uri-reference")),
        "X-Job-State": _header("The state of the job.", {"enum": list(get_args(JobState))}),
        "WWW-Authenticate": _header("How to send a key.", {"const": "Bearer"}),
        "Allow": _header("The allowed methods.", text()),
    }


def headers(*names: str) -> dict[str, Any]:
    """References to headers, including those of every answer."""
    return {name: {"$ref": f"#/components/headers/{name}"} for name in (*ALWAYS, *names)}


def optional_header(name: str) -> dict[str, Any]:
    """The header of this name in the OpenAPI components, marked as not required."""
    return {**header_components()[name], "required": False}


def plain(description: str, media_type: str, schema: Schema, example: Any = None) -> Response:
    """A response with one media type."""
    content = {"schema": schema} | ({} if example is None else {"example": example})
    return {
        "description": description,
        "headers": headers(),
        "content": {media_type: content},
    }


def result(*more_headers: str) -> Response:
    """A result, in any output format."""
    return {
        "description": "The result; `lines` is empty if the image has no text.",
        "headers": headers("Age", "X-Failed-Pages", "X-Pdf-Changes", *RATE_LIMITS, *more_headers)
        | {name: optional_header(name) for name in ("X-Cache", "Server-Timing")},
        "content": result_content((reference("DocumentAnswer"),)),
    }


def result_content(json_schemas: Iterable[Schema] = (), **json_examples: Any) -> dict[str, Any]:
    """The content of a result by media type, with additional schemas and examples for JSON."""
    schemas: dict[str, list[Schema]] = {JSON: list(json_schemas)}
    by_type = {JSON: {name: {"value": value} for name, value in json_examples.items()}}
    for name, (media_type, schema, example) in RESULT_TYPES.items():
        schemas.setdefault(media_type, []).append(schema)
        if example is not None:
            entry = {"summary": f"format={name}", "value": example}
            by_type.setdefault(media_type, {})[name] = entry
    return {
        media_type: {
            "schema": several[0] if len(several) == 1 else {"anyOf": several},
            **({"examples": by_type[media_type]} if media_type in by_type else {}),
        }
        for media_type, several in schemas.items()
    }


def accepted() -> Response:
    """The response for a started job."""
    return {
        "description": "With `block_flag=false`: the job is accepted; poll its address.",
        "headers": {
            **headers("Location", "Operation-Location", "Retry-After", *RATE_LIMITS),
            "X-Cache": optional_header("X-Cache"),
        },
        "content": {JSON: {"schema": reference("AcceptedAnswer"), "example": examples.ACCEPTED}},
        "links": {
            "job": {"operationId": "getJob", "parameters": {"id": "$response.body#/job/id"}},
            "cancel": {"operationId": "cancelJob", "parameters": {"id": "$response.body#/job/id"}},
        },
    }


def codes_by_status() -> dict[int, dict[str, str]]:
    """The error codes of each status, with an example message for each."""
    codes: dict[int, dict[str, str]] = {}
    for error, status in STATUS.items():
        codes.setdefault(status, {}).setdefault(error.code, error.example)
    return codes


def error_components() -> dict[str, Response]:
    """One response for each error status."""
    with_retry = {STATUS[error] for error in RETRY_AFTER} | {429}
    without = {status for error, status in STATUS.items() if error not in RETRY_AFTER}
    found = {}
    for status, codes in codes_by_status().items():
        header_refs = headers(*(["Retry-After"] if status in with_retry - without else []))
        if status in with_retry & without - {429}:
            header_refs["Retry-After"] = optional_header("Retry-After")
        if status == 429:
            header_refs |= headers(*RATE_LIMITS)
        if status == 401:
            header_refs |= headers("WWW-Authenticate")
        if status == 405:
            header_refs |= headers("Allow")
        one_of_them = {"properties": {"error": {"properties": {"code": {"enum": list(codes)}}}}}
        found[error_name(status)] = {
            "description": f"{phrases[status]}: {', '.join(f'`{code}`' for code in codes)}",
            "headers": header_refs,
            "x-status": status,
            "content": {
                JSON: {
                    "schema": {"allOf": [reference("Error"), one_of_them]},
                    "examples": {
                        code: {"value": examples.error_example(code, message)}
                        for code, message in codes.items()
                    },
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
    """The component name of an error status; the same in every version of Python."""
    return f"Error{status}"


def _header(description: str, schema: Schema, required: bool = True) -> dict[str, Any]:
    return {"description": description, "required": required, "schema": schema}
