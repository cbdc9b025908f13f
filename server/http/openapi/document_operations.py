"""The operations of documents that are kept, with their parameters and responses."""

from __future__ import annotations

from typing import Any

from server.formats.examples import REQUEST_ID
from server.http.openapi import examples
from server.http.openapi.parameters import FORM, JSON, RAW_TYPES, Parameter, in_query, shared
from server.http.openapi.responses import accepted, errors, headers, plain, result
from server.http.openapi.typed_schemas import reference
from server.intake.fields import IMAGE_PART
from server.intake.request_fields import (
    BODY_ONLY,
    DOCUMENT_FIELDS,
    OPTION_FIELDS,
    RENDERING_FIELDS,
    REQUEST_FIELDS,
    SIDE,
    USUAL_SIDE,
)
from server.settings.constraints import Schema

Operation = dict[str, Any]

_BYTES: Schema = {"type": "string", "format": "binary"}


def describe_documents(fields: dict[str, Schema]) -> dict[str, dict[str, Any]]:
    """The routes below /documents."""
    one = {"parameters": shared("DocumentId")}
    page = {"parameters": shared("DocumentId", "Page")}
    return {
        "/documents": {"post": _keep(fields)},
        "/documents/{id}": {**one, "delete": _delete()},
        "/documents/{id}/ocr": {**one, "post": _read(fields)},
        "/documents/{id}/pages/{page}": {**page, "get": _page()},
    }


def _keep(fields: dict[str, Schema]) -> Operation:
    form = {
        "type": "object",
        "required": [IMAGE_PART],
        "properties": {
            IMAGE_PART: {**_BYTES, "description": "The document."},
            **{name: fields[name] for name in BODY_ONLY},
        },
        "additionalProperties": False,
    }
    kept = plain(
        "The document is kept.",
        JSON,
        reference("KeptAnswer"),
        {"status": "success", "document": examples.KEPT, "request_id": REQUEST_ID},
    )
    kept["headers"] = headers("Location")
    return {
        "tags": ["Documents"],
        "operationId": "keepDocument",
        "summary": "Send a document to look at it and read it",
        "description": "A PDF, TIFF or GIF. The server keeps it for some minutes after its last "
        "use, for the user who has sent it.",
        "parameters": shared("RequestId"),
        "requestBody": {
            "required": True,
            "content": {
                FORM: {"schema": form},
                **{each: {"schema": _BYTES} for each in RAW_TYPES if each.startswith("app")},
            },
        },
        "responses": {"201": kept} | errors(400, 401, 403, 413, 415, 422, 429, 500, 503, 504),
    }


def _delete() -> Operation:
    return {
        "tags": ["Documents"],
        "operationId": "dropDocument",
        "summary": "Drop a document before its time is over",
        "description": "Its results stay in the cache.",
        "parameters": shared("RequestId"),
        "responses": {
            "204": {"description": "The document is not kept any more.", "headers": headers()},
            **errors(400, 401, 403, 404, 429, 500, 503),
        },
    }


def _read(fields: dict[str, Schema]) -> Operation:
    names = (
        *REQUEST_FIELDS,
        *(name for name in DOCUMENT_FIELDS if name not in BODY_ONLY),
        *RENDERING_FIELDS,
        *OPTION_FIELDS,
    )
    return {
        "tags": ["Documents"],
        "operationId": "readDocument",
        "summary": "Read a document that is kept",
        "description": "As `POST /ocr` with the document. Without `pages`, all pages are read, "
        "also of a TIFF or GIF.",
        "parameters": [
            *in_query(fields, names),
            *shared("RequestId", "CacheControl", "IdempotencyKey"),
        ],
        "responses": {
            "200": result(),
            "202": accepted(),
            **errors(400, 401, 403, 404, 409, 413, 415, 422, 429, 500, 502, 503, 504),
        },
    }


def _page() -> Operation:
    side: Parameter = {
        "name": "side",
        "in": "query",
        "description": "The longest side of the image, in pixels.",
        "schema": {**SIDE.schema(), "default": USUAL_SIDE},
    }
    return {
        "tags": ["Documents"],
        "operationId": "getPageImage",
        "summary": "Get a page as an image",
        "description": "The page as it is read, upright, without boxes.",
        "parameters": [side, *shared("RequestId")],
        "responses": {
            "200": plain("The page.", "image/jpeg", _BYTES),
            **errors(400, 401, 403, 404, 413, 415, 422, 429, 500, 503, 504),
        },
    }
