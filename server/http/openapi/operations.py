"""The operations by path, with their parameters and responses."""

from __future__ import annotations

from typing import Any

from server.http.openapi import examples
from server.http.openapi.admin_operations import describe_admin
from server.http.openapi.batch_operations import describe_batches
from server.http.openapi.document_operations import describe_documents
from server.http.openapi.head import bodiless, with_head
from server.http.openapi.health_operations import describe_health
from server.http.openapi.job_operations import describe_jobs
from server.http.openapi.page_operations import describe_pages
from server.http.openapi.parameters import (
    body_of_ocr,
    body_of_service,
    in_query,
    shared,
    usage_parameters,
)
from server.http.openapi.responses import (
    JSON,
    accepted,
    errors,
    headers,
    plain,
    result,
)
from server.http.openapi.schemas import text
from server.http.openapi.storage_operations import describe_storage
from server.http.openapi.typed_schemas import reference
from server.intake.request_fields import (
    BODY_ONLY,
    DOCUMENT_FIELDS,
    OPTION_FIELDS,
    RENDERING_FIELDS,
    REQUEST_FIELDS,
)
from server.settings.constraints import Schema

Paths = dict[str, dict[str, Any]]

RECOGNITION_ERRORS = (409, 413, 415, 422, 429, 500, 502, 503, 504)


def describe_paths(fields: dict[str, Schema]) -> Paths:
    """All routes, in the order of the API page."""
    paths = {
        **_recognition(fields),
        **describe_documents(fields),
        **describe_jobs(fields),
        **describe_batches(fields),
        **_results(fields),
        **_languages(),
        **_usage(),
        **describe_admin(),
        **describe_storage(),
        **describe_health(),
        **describe_pages(),
    }
    _add_error_of_hosts(paths)
    return paths


def _add_error_of_hosts(paths: Paths) -> None:
    """Add 421 to every route, because any request may name a host that is not this server."""
    for item in paths.values():
        for method, operation in item.items():
            if method != "parameters":
                (answer,) = errors(421).values()
                operation["responses"]["421"] = bodiless(answer) if method == "head" else answer


def _recognition(fields: dict[str, Schema]) -> Paths:
    done = result()
    done["links"] = {
        "result": {"operationId": "getResult", "parameters": {"md5": "$response.body#/md5"}}
    }
    answers = {"200": done, "202": accepted()}
    by_query = (
        *REQUEST_FIELDS,
        *(name for name in DOCUMENT_FIELDS if name not in BODY_ONLY),
        *RENDERING_FIELDS,
        *OPTION_FIELDS,
    )
    service = {
        "tags": ["Recognition"],
        "operationId": "ocrService",
        "summary": "Recognize an image; all fields in the body",
        "description": "The legacy API: the fields of the original OCRWebServer (2021). Options "
        "that are not set have the server's defaults.",
        "parameters": shared("RequestId", "CacheControl", "IdempotencyKey"),
        "requestBody": body_of_service(fields),
        "responses": answers | errors(400, 401, 403, 404, *RECOGNITION_ERRORS),
    }
    ocr = {
        "tags": ["Recognition"],
        "operationId": "ocr",
        "summary": "Recognize an image; options in the query string",
        "description": "The image is the body itself, the form part `file`, or base64 in JSON. "
        "Each option is either in the query string or in the body, not in both.",
        "parameters": [
            *in_query(fields, by_query),
            *shared("RequestId", "CacheControl", "IdempotencyKey"),
        ],
        "requestBody": body_of_ocr(fields),
        "responses": answers | errors(400, 401, 403, *RECOGNITION_ERRORS),
    }
    return {"/ocr": {"post": ocr}, "/ocr_service": {"post": service}}


def _results(fields: dict[str, Schema]) -> Paths:
    get = {
        "tags": ["Results"],
        "operationId": "getResult",
        "summary": "Get a cached result without sending the image",
        "description": "Each combination of recognition options has its own result.",
        "parameters": [
            *in_query(fields, [*RENDERING_FIELDS, *OPTION_FIELDS]),
            *shared("IfNoneMatch", "RequestId"),
        ],
        "responses": {
            "200": result("ETag"),
            "304": {
                "description": "The client already has this version.",
                "headers": headers("ETag", "X-Cache"),
            },
            **errors(400, 401, 403, 404, 429, 500, 503),
        },
    }
    delete = {
        "tags": ["Results"],
        "operationId": "eraseResults",
        "summary": "Erase the stored results of an image",
        "description": "The caller's cached results of the image, with all options, and its bytes. "
        "Where all users share them (`cache.scope`), it needs the scope `admin`.",
        "parameters": shared("RequestId"),
        "responses": {
            "204": {"description": "Nothing is kept any more.", "headers": headers()},
            **errors(400, 401, 403, 404, 429, 503),
        },
    }
    path = {"parameters": shared("Md5"), **with_head(get), "delete": delete}
    return {"/results/{md5}": path}


def _languages() -> Paths:
    found = plain(
        "The languages and scripts.", JSON, reference("LanguagesAnswer"), examples.LANGUAGES
    )
    get = {
        "tags": ["Recognition"],
        "operationId": "getLanguages",
        "summary": "Languages and scripts that the loaded models read",
        "description": "Derived from the list of characters that the recognition model knows. "
        "Lines in other scripts are marked in the result: `script` is `unsupported`.",
        "parameters": shared("RequestId"),
        "responses": {"200": found, **errors(400, 401, 403, 429, 503)},
    }
    return {"/languages": with_head(get)}


def _usage() -> Paths:
    get = {
        "tags": ["Usage"],
        "operationId": "getUsage",
        "summary": "What a user used, by day",
        "description": "Counts are at most a few seconds old. With `Accept: text/html`, a page "
        "that shows them.",
        "parameters": usage_parameters(),
        "responses": {
            "200": {
                "description": "The counts of each day; the page if a browser asks.",
                "headers": headers("Vary"),
                "content": {
                    JSON: {"schema": reference("UsageAnswer"), "example": examples.USAGE},
                    "text/csv": {"schema": text(), "example": examples.USAGE_CSV},
                    "text/html": {"schema": text()},
                },
            },
            "304": {"description": "The client already has this page.", "headers": headers("ETag")},
            **errors(400, 401, 403, 503),
        },
    }
    return {"/usage": with_head(get)}
