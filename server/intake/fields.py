"""The fields of a form, whatever its body is written in: how many, how long, each once."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from server.errors import BadField, BadRequest, shown
from server.settings.constraints import Constraint

IMAGE_PART = "file"
BASE64_FIELD = "image"
MAX_PARTS = 32
MAX_NAME_CHARACTERS = 64
MAX_FIELD_BYTES = 4096
INLINE_BYTES = 64 << 10  # what is longer is parsed, decoded or written in a thread


@dataclass(frozen=True, slots=True)
class Form:
    """What a body holds; values are text, or JSON scalars where the body was JSON.

    upload: the image that came as bytes, if one did.
    """

    fields: Mapping[str, Any] = field(default_factory=dict)
    upload: bytes | None = None


def unique_fields(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """A dict of the pairs; an error names a field that comes twice or has too long a name."""
    fields: dict[str, Any] = {}
    for name, value in pairs:
        check_name(name)
        if name in fields:
            raise BadField(f"{shown(name)!r} is given more than once")
        if len(fields) == MAX_PARTS:
            raise BadRequest(f"there are more than {MAX_PARTS} fields")
        fields[name] = value
    return fields


def query_fields(
    arguments: Mapping[str, Sequence[bytes]], known: Collection[str]
) -> dict[str, str]:
    """The parameters of a query string; BadField for one unknown, repeated or no text."""
    if not arguments:
        return {}
    pairs = [(name, value) for name, values in arguments.items() for value in values]
    fields = {}
    for name, value in unique_fields(pairs).items():
        if name not in known:
            raise BadField(f"unknown parameter {shown(name)!r}; known are {', '.join(known)}")
        fields[name] = decode_text(name, value)
    return fields


def check_name(name: str) -> None:
    """BadField for a name that is longer than any can be."""
    if len(name) > MAX_NAME_CHARACTERS:
        raise BadField(
            f"the name of a field, {shown(name)!r}, has {len(name)} characters; "
            f"at most {MAX_NAME_CHARACTERS} are accepted"
        )


def check_length(name: str, value: Any) -> None:
    """BadField for a text that is too long; base64 is as long as the body may be."""
    if name != BASE64_FIELD and isinstance(value, str) and len(value) > MAX_FIELD_BYTES:
        raise BadField(f"{shown(name)!r} is longer than {MAX_FIELD_BYTES} bytes")


def decode_text(name: str, data: bytes) -> str:
    """The text of a field; BadField if it is not UTF-8."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise BadField(f"{shown(name)!r} is not UTF-8 text") from None


def checked(name: str, value: Any, constraint: Constraint) -> Any:
    """The value of a field, converted by its constraint; BadField if it is not accepted."""
    try:
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError("expected a finite number")
        return constraint(value)
    except ValueError as error:
        raise BadField(f"{name} = {shown(value)}: {error}") from None
