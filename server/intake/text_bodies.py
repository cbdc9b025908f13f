"""Parsers for JSON and urlencoded bodies.

Long bodies are parsed in a thread. But a long call into C blocks the event loop as well, because
it holds the GIL.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from server.errors import BadField, BadRequest, truncated
from server.intake.body_rules import OWN_RULES, BodyRules
from server.intake.fields import LIST_FIELDS, MAX_PARTS, check_length, unique_fields

# Each element except the first needs a comma; base64 has none, and other fields are short.
MAX_COMMAS = 10_000
MAX_LIST = 32
UNQUOTE_BYTES = 64 << 10  # at a time

_ESCAPE = re.compile(rb"%[0-9A-Fa-f]{2}")
_DIGITS = "0123456789ABCDEFabcdef"
_BYTE_OF = {f"%{a}{b}".encode(): bytes([int(a + b, 16)]) for a in _DIGITS for b in _DIGITS}


def parse_json(data: bytes, rules: BodyRules = OWN_RULES) -> dict[str, Any]:
    """The fields of a JSON object; BadRequest or BadField if it is invalid."""
    if data.count(b",") > MAX_COMMAS:
        raise BadRequest(
            f"the JSON body has more than {MAX_COMMAS} commas; "
            f"an object of at most {MAX_PARTS} fields is accepted"
        )
    if rules.tolerates(lambda mark: f'"{mark}"'.encode() in data):
        values = _load_object(data)
        if rules.tolerates(values.__contains__):
            return values
    values = _load_object(data, unique_fields)
    check_scalars(values)
    return values


def check_scalars(values: Mapping[str, Any]) -> None:
    """BadField for a value of a JSON object that is too long, or an object or list.

    LIST_FIELDS may be short lists of strings.
    """
    for name, value in values.items():
        if isinstance(value, list) and name in LIST_FIELDS:
            if len(value) > MAX_LIST or not all(isinstance(each, str) for each in value):
                raise BadField(f"{name} must be a list of at most {MAX_LIST} strings")
        elif isinstance(value, dict | list):
            raise BadField(f"{truncated(name)!r} must be a string, number or boolean")
        check_length(name, value)


def parse_urlencoded(data: bytes, rules: BodyRules = OWN_RULES) -> dict[str, Any]:
    """The fields of a urlencoded form; BadRequest or BadField if it is invalid."""
    if data.count(b"&") >= MAX_PARTS:
        raise BadRequest(f"the body has more than {MAX_PARTS} urlencoded fields")
    pairs = [pair.partition(b"=") for pair in data.split(b"&") if pair]
    try:
        decoded = [(_unquoted(name), _unquoted(value)) for name, _, value in pairs]
    except UnicodeDecodeError as error:
        raise BadRequest(f"the body is not urlencoded: {error}") from None
    if rules.tolerant:
        return dict(decoded)
    fields = unique_fields(decoded)
    for name, value in fields.items():
        if not rules.may_be_long(name):
            check_length(name, value)
    return fields


def _load_object(
    data: bytes, as_object: Callable[[Sequence[tuple[str, Any]]], dict[str, Any]] | None = None
) -> dict[str, Any]:
    """The JSON object in a body; as_object: makes each object from its fields."""
    try:
        values = json.loads(data, object_pairs_hook=as_object)
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"the body is not JSON: {error}") from None
    if not isinstance(values, dict):
        raise BadRequest("the JSON body must be an object")
    return values


def _unquoted(quoted: bytes) -> str:
    """Decode percent-encoded text in pieces, so that no call holds the GIL for long.

    A percent sign without two hexadecimal digits is kept, as in urllib.
    """
    pieces = []
    start = 0
    while start < len(quoted):
        end = start + UNQUOTE_BYTES
        cut = quoted.rfind(b"%", end - 2, end)  # an escape that would be split
        end = end if cut < 0 else cut
        piece = quoted[start:end].replace(b"+", b" ")
        pieces.append(_ESCAPE.sub(lambda escape: _BYTE_OF[escape[0]], piece))
        start = end
    return b"".join(pieces).decode("utf-8")
