"""The operations of the web pages and their files."""

from __future__ import annotations

from typing import Any

from server.http.openapi.head import with_head
from server.http.openapi.parameters import shared
from server.http.openapi.responses import JSON, errors, headers, optional_header
from server.http.openapi.schemas import text


def describe_pages() -> dict[str, Any]:
    """The web pages, and this description."""
    html = {"text/html": {"schema": text()}}
    assets: dict[str, Any] = {
        kind: {"schema": text()} for kind in ("text/css", "text/javascript", "image/svg+xml")
    }
    description: dict[str, Any] = {JSON: {"schema": {"type": "object"}}}
    file = {
        "name": "file",
        "in": "path",
        "required": True,
        "description": "The file's path, as in the pages; it may contain slashes.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 120},
    }
    return {
        "/": _page("page", "Recognize images in the browser", html),
        "/status": _page("status", "Status page: workers, queue and cache", html),
        "/docs": _page("docs", "This description as a page, to try requests", html),
        "/openapi.json": _page("description", "This description", description),
        "/static/{file}": {
            "parameters": [file],
            **_page("static", "Files that the pages load", assets, 404),
        },
    }


def _page(name: str, summary: str, content: dict[str, Any], *statuses: int) -> dict[str, Any]:
    tags = {"ETag": optional_header("ETag") | {"required": True}}
    get = {
        "tags": ["Pages"],
        "operationId": name,
        "summary": summary,
        "parameters": shared("IfNoneMatch", "RequestId"),
        "security": [],
        "responses": {
            "200": {"description": summary, "headers": headers() | tags, "content": content},
            "304": {
                "description": "The client already has this version.",
                "headers": headers() | tags,
            },
            **errors(*statuses),
        },
    }
    return with_head(get)
