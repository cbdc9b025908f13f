"""The operations of /admin, and how requests carry a key."""

from __future__ import annotations

from typing import Any

from server.formats.examples import REQUEST_ID
from server.http.openapi import examples
from server.http.openapi.parameters import shared
from server.http.openapi.responses import JSON, errors, headers
from server.http.openapi.typed_schemas import reference
from server.settings.constraints import Flag, Schema, WholeNumber
from server.settings.model_sets import SetName
from server.users.key_fields import KEY_DEFAULTS, KEY_FIELDS

MAX_PAGE = 1000

SECURITY_SCHEMES = {
    "Bearer": {"type": "http", "scheme": "bearer", "description": "`Authorization: Bearer KEY`"},
    "ApiKey": {"type": "apiKey", "in": "header", "name": "X-Api-Key"},
}
WITH_KEY: list[dict[str, list[str]]] = [{"Bearer": []}, {"ApiKey": []}]
ERRORS = (400, 401, 403, 503)

_MEANINGS = {
    "label": "Whom or what the key is for.",
    "scopes": "What it allows; `read` includes `metrics`.",
    "weight": "The share of the workers, relative to other keys.",
    "priority": "Added to the `priority` of each request of this key.",
    "rate_per_minute": "Requests a minute; null: as in the settings.",
    "concurrency": "Requests at the same time; null: as in the settings.",
    "max_body_mb": "The size of a request in MiB; null: as in the settings.",
    "daily_quota": "Images a day; null: as in the settings.",
    "expires_at": "When it expires, as Unix time; null: never.",
}


def describe_admin() -> dict[str, dict[str, Any]]:
    """The routes for administrators."""
    key = {"key": examples.KEY, "status": "success", "request_id": REQUEST_ID}
    made = _answer("The key; `secret` is what users send.", "SecretAnswer", "Location")
    made["content"][JSON]["example"] = {**key, "secret": examples.SECRET}
    page = [
        _in_query("after", "The id of the last key of the previous page.", _id_schema()),
        _in_query("limit", "How many keys.", WholeNumber(1, MAX_PAGE).schema() | {"default": 100}),
    ]
    purge = _in_query(
        "purge", "Delete the key and all its data: jobs, results, usage.", Flag().schema()
    )
    one = {"name": "key_id", "in": "path", "required": True, "schema": _id_schema()}
    one |= {"description": "The id of the key: the 8 characters after `ocr_`."}
    found = _answer("The key.", "KeyAnswer")
    several = _answer("Keys in the order of their creation.", "KeyListAnswer")
    gone = {"description": "The key is revoked, or deleted.", "headers": headers()}
    return {
        "/admin/keys": {
            "get": _operation("listKeys", "List keys", {"200": several}, *ERRORS, 404, query=page),
            "post": _operation(
                "addKey", "Make a key", {"201": made}, *ERRORS, 413, body=_body(required="label")
            ),
        },
        "/admin/keys/{key_id}": {
            "parameters": [one],
            "get": _operation("getKey", "Get a key", {"200": found}, *ERRORS, 404),
            "patch": _operation(
                "changeKey", "Change a key", {"200": found}, *ERRORS, 404, 413, body=_body()
            ),
            "delete": _operation(
                "revokeKey", "Revoke a key, or erase it", {"204": gone}, *ERRORS, 404, query=[purge]
            ),
        },
        "/admin/models": _model_operations(),
    }


def _model_operations() -> dict[str, Any]:
    sets = _answer("All model sets, the default first.", "ModelSetsAnswer")
    sets["content"][JSON]["example"] = examples.MODEL_SETS
    used = {**sets, "description": "A worker has loaded the set, which is the default now."}
    schema = {
        "type": "object",
        "properties": {"use": {**SetName().schema(), "description": "The name of a model set."}},
        "additionalProperties": False,
        "required": ["use"],
    }
    body = {
        "required": True,
        "content": {JSON: {"schema": schema, "example": {"use": "PP-OCRv6_tiny"}}},
    }
    return {
        "get": _operation(
            "listModelSets", "List model sets", {"200": sets}, 400, 401, 403, tag="Models"
        ),
        "post": _operation(
            "useModelSet",
            "Change the default model set",
            {"200": used},
            *ERRORS,
            409,
            413,
            body=body,
            tag="Models",
        ),
    }


def _operation(
    name: str,
    summary: str,
    answers: dict[str, Any],
    *statuses: int,
    query: list[dict[str, Any]] | None = None,
    body: dict[str, Any] | None = None,
    tag: str = "Keys",
) -> dict[str, Any]:
    return {
        "tags": [tag],
        "operationId": name,
        "summary": summary,
        "security": WITH_KEY,
        "parameters": [*(query or []), *shared("RequestId")],
        **({} if body is None else {"requestBody": body}),
        "responses": answers | errors(*sorted(statuses)),
    }


def _answer(description: str, name: str, *more: str) -> dict[str, Any]:
    return {
        "description": description,
        "headers": headers(*more),
        "content": {JSON: {"schema": reference(name)}},
    }


def _body(required: str | None = None) -> dict[str, Any]:
    """A JSON object with the fields of a key."""
    properties: dict[str, Schema] = {}
    for name, constraint in KEY_FIELDS.items():
        properties[name] = {**constraint.schema(), "description": _MEANINGS[name]}
        if required is not None and name in KEY_DEFAULTS:
            default = KEY_DEFAULTS[name]
            properties[name]["default"] = list(default) if isinstance(default, tuple) else default
    schema: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
    schema |= {"minProperties": 1} if required is None else {"required": [required]}
    example = {"label": "Ann, mobile"} if required else {"daily_quota": 500}
    return {"required": True, "content": {JSON: {"schema": schema, "example": example}}}


def _in_query(name: str, description: str, schema: Schema) -> dict[str, Any]:
    return {"name": name, "in": "query", "description": description, "schema": schema}


def _id_schema() -> Schema:
    return {"type": "string", "pattern": "^[0-9A-Za-z]{8}$"}
