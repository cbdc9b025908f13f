"""The operations of batches, with their parameters, bodies and responses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from server.formats.examples import ANSWER, MD5, REQUEST_ID
from server.http.openapi import examples
from server.http.openapi.fields import MEANINGS
from server.http.openapi.parameters import FORM, shared
from server.http.openapi.responses import (
    JSON,
    RATE_LIMITS,
    errors,
    headers,
    plain,
)
from server.http.openapi.schemas import text
from server.http.openapi.typed_schemas import reference
from server.intake.request_fields import COMMON_FIELDS, FILE_FIELDS
from server.jobs.record import PAGE_FIELDS
from server.settings.constraints import Flag, Schema

Operation = dict[str, Any]

MADE = (400, 401, 403, 409, 413, 422, 429, 500, 503)
FOUND = (400, 401, 403, 404, 410, 429, 500, 503)
_THRESHOLD = "The same as `det_db_box_thresh`."


def describe_batches(fields: dict[str, Schema]) -> dict[str, dict[str, Any]]:
    """The routes of batches."""
    return {
        "/batch": {"post": _batch(fields)},
        "/batches": {"get": _list(), "post": _start(fields)},
        "/batches/{id}": {"parameters": shared("BatchId"), "get": _get(), "delete": _delete()},
    }


def _batch(fields: dict[str, Schema]) -> Operation:
    more = {
        "block_flag": fields["block_flag"],
        "threshold": {**fields["det_db_box_thresh"], "description": _THRESHOLD},
    }
    results = {
        "status": "success",
        "results": [
            {
                "status": "success",
                "data": ANSWER["data"],
                "cache": "miss",
                "md5": MD5,
            },
            {"status": "error", "error": examples.FAILED["error"]},
        ],
        "elapsed_ms": 412.6,
        "request_id": REQUEST_ID,
    }
    done = plain("The results in the order of the files.", JSON, reference("BatchResults"), results)
    done["headers"] |= headers(*RATE_LIMITS)
    return {
        "tags": ["Recognition"],
        "operationId": "ocrBatch",
        "summary": "Recognize several images and wait for all results",
        "description": "A file that cannot be read has an error instead of a result. "
        "`block_flag=false` starts a batch, as `POST /batches` does.",
        "parameters": shared("RequestId", "CacheControl", "IdempotencyKey"),
        "requestBody": _body(fields, "files", more),
        "responses": {"200": done, "202": _accepted(), **errors(*MADE)},
    }


def _start(fields: dict[str, Schema]) -> Operation:
    return {
        "tags": ["Batches"],
        "operationId": "startBatch",
        "summary": "Start a job for each of many files",
        "description": "A file that cannot be read becomes a failed job. `webhook_url` gets one "
        "message, when the last job ends.",
        "parameters": shared("RequestId", "CacheControl", "IdempotencyKey"),
        "requestBody": _body(fields, "file", {}),
        "responses": {"202": _accepted(), **errors(*MADE)},
    }


def _accepted() -> dict[str, Any]:
    example = {
        "status": "accepted",
        "batch": examples.BATCH,
        "jobs": [examples.QUEUED | {"batch": examples.BATCH["url"], "number": 0}],
        "request_id": REQUEST_ID,
    }
    answer = plain(
        "The batch is accepted; its jobs are in the order of the files.",
        JSON,
        reference("AcceptedBatch"),
        example,
    )
    answer["headers"] |= headers("Location", "Operation-Location", "Retry-After", *RATE_LIMITS)
    answer["links"] = {
        name: {"operationId": name, "parameters": {"id": "$response.body#/batch/id"}}
        for name in ("getBatch", "cancelBatch")
    }
    return answer


def _list() -> Operation:
    example = {
        "status": "success",
        "batches": [examples.BATCH],
        "next": None,
        "request_id": REQUEST_ID,
    }
    return {
        "tags": ["Batches"],
        "operationId": "listBatches",
        "summary": "List your batches, the newest first",
        "description": "`next` is null on the last page.",
        "parameters": [*_page(("limit",)), *shared("RequestId")],
        "responses": {
            "200": plain("A page of batches.", JSON, reference("BatchList"), example),
            **errors(*FOUND),
        },
    }


def _get() -> Operation:
    example = {
        "status": "success",
        "batch": examples.BATCH,
        "jobs": [examples.DONE | {"batch": examples.BATCH["url"], "number": 0}],
        "next": None,
        "request_id": REQUEST_ID,
    }
    return {
        "tags": ["Batches"],
        "operationId": "getBatch",
        "summary": "Get the state of a batch, with a page of its jobs",
        "description": "The jobs are in the order of the files; `next` is null on the last page.",
        "parameters": [*_page(("state", "limit")), *shared("RequestId")],
        "responses": {
            "200": plain("The batch.", JSON, reference("BatchAnswer"), example),
            **errors(*FOUND),
        },
    }


def _delete() -> Operation:
    return {
        "tags": ["Batches"],
        "operationId": "cancelBatch",
        "summary": "Cancel the unfinished jobs of a batch, or erase the finished ones",
        "parameters": [
            _query("erase", "Delete the finished jobs with their results.", Flag().schema()),
            *shared("RequestId"),
        ],
        "responses": {
            "204": {"description": "They are cancelled or erased.", "headers": headers()},
            **errors(400, 401, 403, 404, 409, 410, 429, 503),
        },
    }


def _body(fields: dict[str, Schema], part: str, more: dict[str, Schema]) -> dict[str, Any]:
    """Files as form parts or in JSON, with the fields for all of them.

    The fields of a file in JSON are not constrained: an invalid file gets its own error.
    """
    common = {name: fields[name] for name in COMMON_FIELDS} | more
    binary = {"type": "string", "format": "binary"}
    files = {"type": "array", "minItems": 1, "items": binary}
    file = {
        "type": "object",
        "maxProperties": 32,
        "description": "`image` or `filename`, and its own options.",
        "properties": {
            name: {"description": MEANINGS[name]} for name in FILE_FIELDS if name in fields
        },
    }
    example = {"files": [{"image": examples.IMAGE}, {"image": examples.IMAGE, "drop_score": 0.3}]}
    form = {
        "type": "object",
        "required": [part],
        "properties": {part: files, **common},
        "additionalProperties": False,
    }
    in_json = {
        **form,
        "required": ["files"],
        "properties": {"files": {**files, "items": file}, **common},
    }
    content = {FORM: {"schema": form}, JSON: {"schema": in_json, "example": example}}
    return {"required": True, "content": content}


def _page(names: Sequence[str]) -> list[dict[str, Any]]:
    after = text() | {"minLength": 1, "maxLength": 64, "pattern": "^[A-Za-z0-9_-]+$"}
    meanings = {"state": "Only jobs in this state.", "limit": "How many; 20 by default."}
    return [
        *(_query(name, meanings[name], PAGE_FIELDS[name].schema()) for name in names),
        _query("after", "The `next` of the previous page.", after),
    ]


def _query(name: str, description: str, schema: Schema) -> dict[str, Any]:
    return {"name": name, "in": "query", "description": description, "schema": schema}
