"""The settings of models on other servers, which requests may name: remote.*."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

from ocr_engine.recognizer import RemoteKind
from server.settings.constraints import (
    Choice,
    Constraint,
    FilePath,
    Number,
    Schema,
    Text,
    WholeNumber,
    check_distinct,
)
from server.settings.declared import setting
from server.settings.model_sets import SetName

MAX_PROMPT_CHARACTERS = 20_000

_URL = re.compile(r"https?://(\[[0-9A-Fa-f:.]+\]|[\w.-]+)(:\d{1,5})?(/[\w./-]*)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class NamedRemote:
    """A model on another server. See RemoteSet.

    A field that is None takes its value from the setting of the same name in remote.*, or else the
    default of its kind.
    """

    name: str
    url: str
    model: str
    kind: str = "text"
    key_file: Path | None = None
    prompt: str | None = None
    sampling: Mapping[str, Any] = field(default_factory=dict)
    min_pixels: int | None = None
    max_pixels: int | None = None
    concurrency: int | None = None
    seconds: float | None = None


class BaseUrl:
    """The URL of an API, such as http://127.0.0.1:8000/v1."""

    def __call__(self, value: Any) -> str:
        """See Constraint."""
        if not isinstance(value, str) or not _URL.fullmatch(value):
            raise ValueError("expected a URL such as http://127.0.0.1:8000/v1")
        return value.rstrip("/")

    def schema(self) -> Schema:
        """See Constraint."""
        return {"type": "string", "pattern": "^https?://"}


class Prompt:
    """A text for a model, which may have line breaks."""

    def __call__(self, value: Any) -> str:
        """See Constraint."""
        if not isinstance(value, str) or not 0 < len(value) <= MAX_PROMPT_CHARACTERS:
            raise ValueError(f"expected a text of at most {MAX_PROMPT_CHARACTERS} characters")
        return value

    def schema(self) -> Schema:
        """See Constraint."""
        return {"type": "string", "minLength": 1, "maxLength": MAX_PROMPT_CHARACTERS}


class Sampling:
    """Fields of a request to a model, such as its temperature."""

    _OWN = ("model", "messages", "stream", "n")

    def __call__(self, value: Any) -> dict[str, Any]:
        """See Constraint."""
        if not isinstance(value, dict) or not all(isinstance(name, str) for name in value):
            raise ValueError('expected an object such as {"temperature": 0, "max_tokens": 4096}')
        own = next((name for name in self._OWN if name in value), None)
        if own is not None:
            raise ValueError(f"{own} is set by this server")
        return value

    def schema(self) -> Schema:
        """See Constraint."""
        return {"type": "object"}


CONCURRENCY = WholeNumber(1, 1000)
SECONDS = Number(1, 3600)

_FIELDS: dict[str, Constraint] = {
    "name": SetName(),
    "url": BaseUrl(),
    "model": Text(),
    "kind": Choice(*get_args(RemoteKind)),
    "key_file": FilePath(),
    "prompt": Prompt(),
    "sampling": Sampling(),
    "min_pixels": WholeNumber(1, 10**9),
    "max_pixels": WholeNumber(784, 10**9),
    "concurrency": CONCURRENCY,
    "seconds": SECONDS,
}
_REQUIRED = ("name", "url", "model")


class RemoteSets:
    """A list of models on other servers, each an object; in the environment as JSON."""

    def __call__(self, value: Any) -> tuple[NamedRemote, ...]:
        """See Constraint."""
        if isinstance(value, str):
            value = _from_json(value)
        if not isinstance(value, list):
            raise ValueError('expected a list of objects, each with "name", "url" and "model"')
        sets = tuple(_named_remote(entry) for entry in value)
        check_distinct([each.name for each in sets])
        return sets

    def schema(self) -> Schema:
        """See Constraint."""
        properties = {name: constraint.schema() for name, constraint in _FIELDS.items()}
        named = {"type": "object", "properties": properties, "required": list(_REQUIRED)}
        return {"type": "array", "items": named}


@dataclass(frozen=True, slots=True)
class RemoteSettings:
    """Models on other servers. concurrency, seconds: for sets that do not have their own."""

    sets: tuple[NamedRemote, ...] = setting(RemoteSets(), ())
    concurrency: int = setting(CONCURRENCY, 16)
    seconds: float = setting(SECONDS, 120.0)
    attempts: int = setting(WholeNumber(1, 20), 4)
    queue_size: int = setting(WholeNumber(0, 10**6), 200)
    queue_seconds: float = setting(Number(0.1, 86_400), 300.0)


def _from_json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError("expected a list of objects as JSON") from None


def _named_remote(entry: Any) -> NamedRemote:
    if not isinstance(entry, dict):
        raise ValueError('expected each set as an object with "name", "url" and "model"')
    missing = next((name for name in _REQUIRED if entry.get(name) is None), None)
    if missing is not None:
        raise ValueError(f'a set has no "{missing}"')
    values = {}
    for key, value in entry.items():
        if key not in _FIELDS:
            raise ValueError(f"unknown key {key} in a set; accepted are {', '.join(_FIELDS)}")
        if value is None:
            continue
        try:
            values[key] = _FIELDS[key](value)
        except ValueError as error:
            raise ValueError(f"{key}: {error}") from None
    if values.get("min_pixels", 0) > values.get("max_pixels", 10**9):
        raise ValueError("min_pixels is larger than max_pixels")
    return NamedRemote(**values)
