"""Model sets that requests may ask for by name: the setting ocr.model_sets."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from server.settings.constraints import (
    Constraint,
    FilePath,
    ImageShape,
    Schema,
    Text,
    check_distinct,
)

_NAME = re.compile(r"[0-9A-Za-z_.-]{1,64}")


@dataclass(frozen=True, slots=True)
class NamedSet:
    """The models of a set, under the names that ocr and ocr.predict_system have for them."""

    name: str
    models: str = "auto"
    det_model_dir: Path | None = None
    rec_model_dir: Path | None = None
    cls_model_dir: Path | None = None
    rec_image_shape: tuple[int, int, int] | None = None
    cls_image_shape: tuple[int, int, int] | None = None
    rec_char_dict_path: Path | None = None


class SetName:
    """The name of a model set: at most 64 letters, digits, `.`, `_` and `-`."""

    def __call__(self, value: Any) -> str:
        """See Constraint."""
        if not isinstance(value, str) or not _NAME.fullmatch(value):
            raise ValueError("expected a name of at most 64 letters, digits, '.', '_' and '-'")
        return value

    def schema(self) -> Schema:
        """See Constraint."""
        return {"type": "string", "pattern": f"^{_NAME.pattern}$"}


_FIELDS: dict[str, Constraint] = {
    "name": SetName(),
    "models": Text(),
    "det_model_dir": FilePath(),
    "rec_model_dir": FilePath(),
    "cls_model_dir": FilePath(),
    "rec_image_shape": ImageShape(),
    "cls_image_shape": ImageShape(),
    "rec_char_dict_path": FilePath(),
}


class NamedSets:
    """A list of model sets: objects with a name and models, or names from the catalogue.

    In the environment, such names separated by commas.
    """

    def __call__(self, value: Any) -> tuple[NamedSet, ...]:
        """See Constraint."""
        entries = [name.strip() for name in value.split(",")] if isinstance(value, str) else value
        if not isinstance(entries, list):
            raise ValueError('expected a list of model sets, such as ["PP-OCRv6_tiny"]')
        sets = tuple(_named_set(entry) for entry in entries)
        check_distinct([each.name for each in sets])
        return sets

    def schema(self) -> Schema:
        """See Constraint."""
        properties = {name: constraint.schema() for name, constraint in _FIELDS.items()}
        named = {"type": "object", "properties": properties, "required": ["name"]}
        return {"type": "array", "items": {"anyOf": [SetName().schema(), named]}}


def _named_set(entry: Any) -> NamedSet:
    if isinstance(entry, str):
        name = SetName()(entry)
        return NamedSet(name, models=name)
    if not isinstance(entry, dict) or "name" not in entry:
        raise ValueError('expected each set as a name, or as an object with a "name"')
    values = {}
    for key, value in entry.items():
        if key not in _FIELDS:
            raise ValueError(f"unknown key {key} in a set; accepted are {', '.join(_FIELDS)}")
        if value is None:
            continue
        try:
            values[key] = _FIELDS[key](value)
        except ValueError as error:
            raise ValueError(f"{key} = {value!r}: {error}") from None
    return NamedSet(**values)
