"""HEAD: the same operation without the body of its answers."""

from __future__ import annotations

from typing import Any

from server.http.openapi.responses import error_components


def with_head(get: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """GET, and HEAD with the same headers and no body."""
    head = {
        **get,
        "operationId": f"{get['operationId']}Head",
        "summary": f"{get['summary']}: headers only",
        "responses": {status: bodiless(answer) for status, answer in get["responses"].items()},
    }
    return {"get": get, "head": head}


def bodiless(answer: dict[str, Any]) -> dict[str, Any]:
    """A response to HEAD: the same without its body."""
    if "$ref" in answer:
        name = answer["$ref"].rpartition("/")[2]
        answer = error_components()[name]
    return {key: value for key, value in answer.items() if key != "content"}
