"""Requests with many files."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

from tests.support.cards import card
from tests.support.http_client import Client, Part, Reply, multipart

JSON = {"Content-Type": "application/json"}


def cards(*texts: str) -> list[bytes]:
    """One card for each text."""
    return [card(text) for text in texts]


def encoded(text: str, **fields: Any) -> dict[str, Any]:
    """A file of a JSON batch: the card in base64, with fields."""
    return {"image": base64.b64encode(card(text)).decode(), **fields}


def body_of(
    images: Sequence[bytes], name: str = "file", **fields: str
) -> tuple[bytes, dict[str, str]]:
    """A multipart body with these files, then the fields; and its header."""
    parts = [Part(name, image, f"{number}.png") for number, image in enumerate(images)]
    return multipart([*parts, *(Part(key, value.encode()) for key, value in fields.items())])


def post(
    server: Client,
    images: Sequence[bytes],
    path: str = "/batches",
    headers: Mapping[str, str] | None = None,
    name: str = "file",
    **fields: str,
) -> Reply:
    """POST files as form-data."""
    body, content_type = body_of(images, name, **fields)
    return server.request("POST", path, body, {**content_type, **(headers or {})})


def all_jobs(server: Client, url: str, headers: Mapping[str, str] | None = None) -> list[Any]:
    """All jobs of a batch, page by page."""
    jobs: list[Any] = []
    after = ""
    while True:
        reply = server.get(f"{url}?limit=100{after}", headers)
        assert reply.status == 200, reply.body
        jobs += reply.json["jobs"]
        if reply.json["next"] is None:
            return jobs
        after = f"&after={reply.json['next']}"
