"""JSON Schemas from types: every kind of type that answers are built with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, NotRequired, TypedDict

import pytest

from server.http.openapi.typed_schemas import component_schemas

Positive = Annotated[int, {"minimum": 1}]
Pair = Annotated[Sequence[int], "x and y.", {"minItems": 2}]

INTEGERS = {"type": "array", "items": {"type": "integer"}}


class Part(TypedDict):
    at: Pair
    name: Annotated[str, "Its name."]


class Whole(Part):
    parts: NotRequired[Annotated[list[Part], "Its parts."]]
    count: Annotated[Positive, "How many."]


@pytest.mark.parametrize(
    ("kind", "schema"),
    [
        (str, {"type": "string"}),
        (bool, {"type": "boolean"}),
        (Positive, {"type": "integer", "minimum": 1}),
        (Literal["a"], {"const": "a"}),
        (Literal["a", "b"], {"enum": ["a", "b"]}),
        (int | None, {"type": ["integer", "null"]}),
        (list[int] | None, {"anyOf": [INTEGERS, {"type": "null"}]}),
        (list[Positive], {"type": "array", "items": {"type": "integer", "minimum": 1}}),
        (Mapping[str, int], {"type": "object", "additionalProperties": {"type": "integer"}}),
    ],
    ids=str,
)
def test_simple_types(kind: Any, schema: Any) -> None:
    assert component_schemas({"It": kind})["It"] == schema


def test_a_tuple_has_a_schema_for_each_place() -> None:
    assert component_schemas({"It": tuple[str, int]})["It"] == {
        "type": "array",
        "prefixItems": [{"type": "string"}, {"type": "integer"}],
        "minItems": 2,
        "maxItems": 2,
    }


def test_records_refer_to_components_and_have_the_fields_of_their_base() -> None:
    schemas = component_schemas({"Pair": Pair, "Part": Part, "Whole": Whole})
    part = {
        "at": {"$ref": "#/components/schemas/Pair"},
        "name": {"type": "string", "description": "Its name."},
    }
    assert schemas["Pair"] == {
        "type": "array",
        "items": {"type": "integer"},
        "description": "x and y.",
        "minItems": 2,
    }
    assert schemas["Part"] == {"type": "object", "required": ["at", "name"], "properties": part}
    parts = {
        "type": "array",
        "items": {"$ref": "#/components/schemas/Part"},
        "description": "Its parts.",
    }
    count = {"type": "integer", "minimum": 1, "description": "How many."}
    assert schemas["Whole"] == {
        "type": "object",
        "required": ["at", "name", "count"],
        "properties": {**part, "parts": parts, "count": count},
    }
    assert list(schemas["Whole"]["properties"]) == ["at", "name", "parts", "count"]


def test_a_record_that_is_no_component_is_written_in_place() -> None:
    schemas = component_schemas({"Parts": list[Part]})
    assert schemas["Parts"]["items"]["required"] == ["at", "name"]


@pytest.mark.parametrize("kind", [set[str], dict[int, str], object, tuple[int, ...], Any])
def test_a_type_without_a_schema_is_named(kind: Any) -> None:
    with pytest.raises(TypeError, match="has no JSON Schema"):
        component_schemas({"It": kind})
