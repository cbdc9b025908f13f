"""JSON Schemas from the types that answers are built with (decision 0033).

In Annotated, a string is the description of the type, and a dict has further keywords. A component
is a type with a name in the document; where it is used, the schema has a reference to it. Python
3.11 accepts no dict inside of a union: write Annotated[int | None, {...}].
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import NoneType, UnionType
from typing import (
    Annotated,
    Any,
    Literal,
    NotRequired,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

from server.settings.constraints import Schema

_NAMES = {str: "string", int: "integer", float: "number", bool: "boolean", NoneType: "null"}


def component_schemas(components: Mapping[str, Any]) -> dict[str, Schema]:
    """The schemas of the components; TypeError names a type that has no schema."""
    return {name: _inline(kind, components) for name, kind in components.items()}


def reference(name: str) -> Schema:
    """A reference to a component."""
    return {"$ref": f"#/components/schemas/{name}"}


def _schema(kind: Any, components: Mapping[str, Any]) -> Schema:
    """A reference if the type is a component, otherwise its schema."""
    for name, component in components.items():
        if kind == component:
            return reference(name)
    return _inline(kind, components)


def _inline(kind: Any, components: Mapping[str, Any]) -> Schema:
    origin, arguments = get_origin(kind), get_args(kind)
    if isinstance(kind, type) and kind in _NAMES:
        return {"type": _NAMES[kind]}
    if is_typeddict(kind):
        return _record(kind, components)
    if origin is Literal:
        return {"const": arguments[0]} if len(arguments) == 1 else {"enum": list(arguments)}
    if origin is Annotated:
        return _annotated(_schema(arguments[0], components), arguments[1:])
    if origin in (list, Sequence):
        return {"type": "array", "items": _schema(arguments[0], components)}
    if origin is Mapping and arguments[0] is str:
        return {"type": "object", "additionalProperties": _schema(arguments[1], components)}
    if origin is tuple and ... not in arguments:
        items = [_schema(argument, components) for argument in arguments]
        count = len(items)
        return {"type": "array", "prefixItems": items, "minItems": count, "maxItems": count}
    if origin in (Union, UnionType):
        return _any_of([_schema(argument, components) for argument in arguments])
    raise TypeError(f"{kind} has no JSON Schema")


def _record(kind: Any, components: Mapping[str, Any]) -> Schema:
    """The schema of a TypedDict."""
    properties, required = {}, []
    for name, hint in get_type_hints(kind, include_extras=True).items():
        if get_origin(hint) is NotRequired:
            (hint,) = get_args(hint)
        else:
            required.append(name)
        properties[name] = _schema(hint, components)
    return {"type": "object", "required": required, "properties": properties}


def _annotated(schema: Schema, notes: Iterable[str | Schema]) -> Schema:
    for note in notes:
        schema = schema | ({"description": note} if isinstance(note, str) else note)
    return schema


def _any_of(schemas: list[Schema]) -> Schema:
    if all(schema.keys() == {"type"} for schema in schemas):
        return {"type": [schema["type"] for schema in schemas]}
    return {"anyOf": schemas}
