"""The description as a test wants it: answers have no property that is not described."""

from __future__ import annotations

from typing import Any

import jsonschema_rs


def closed(node: Any) -> Any:
    """The same, with every object closed whose properties are described; requests are already."""
    if isinstance(node, list):
        return [closed(each) for each in node]
    if not isinstance(node, dict):
        return node
    changed = {name: closed(value) for name, value in node.items()}
    if changed.get("type") == "object" and "properties" in changed:
        changed.setdefault("additionalProperties", False)
    return changed


def problems(value: Any, schema: dict[str, Any], description: dict[str, Any]) -> list[str]:
    """Where the value is not as the schema has it, which is one of the description."""
    whole = {**schema, "components": description["components"]}
    return [str(error) for error in jsonschema_rs.Draft202012Validator(whole).iter_errors(value)]
