"""Reads the settings from config.json, environment and arguments.

If a key is unknown or a value is invalid, the server does not start: SettingsError has a line for
each of them.
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ocr_engine.errors import listed
from server.errors import closest
from server.settings import profiles
from server.settings.paddleocr_keys import adopt
from server.settings.secrets import MASK, is_secret
from server.settings.settings import (
    PredictSystemSettings,
    Settings,
    all_keys,
    constraint_of,
    public_fields,
)

ENVIRONMENT_PREFIX = "OCR_"
PLATFORM_PORT = "PORT"  # set by Cloud Run, Knative and others: where they send the requests
BUILT_IN = "built-in defaults (no config.json found; choose a file with --config)"
_CHECKOUT = Path(__file__).resolve().parents[2]


class SettingsError(Exception):
    """Invalid settings, one line for each: key, value and what would be accepted."""

    def __init__(self, *problems: str) -> None:
        super().__init__(listed(problems))
        self.problems = problems


def default_config() -> Path | None:
    """The config.json next to setup.py; None if this package was installed without them."""
    return _CHECKOUT / "config.json" if (_CHECKOUT / "setup.py").is_file() else None


def load_settings(
    path: Path | None,
    environment: Mapping[str, str] = os.environ,
    overrides: Mapping[str, str] | None = None,
) -> Settings:
    """Read the file, if any; environment and overrides (dotted keys) replace its values.

    Without a file, relative paths start at the working directory.
    """
    values = read_config(path) if path is not None else {}
    for key, text in {**environment_overrides(environment), **(overrides or {})}.items():
        _put(values, key.split("."), text)
    try:
        ignored = adopt(values, constraint_of(PredictSystemSettings, "det_limit_side_len"))
    except ValueError as error:
        raise SettingsError(str(error)) from None
    profiles.adopt(values)
    settings: Settings = build(Settings, values, "")
    folder = path.absolute().parent if path is not None else Path.cwd()
    return dataclasses.replace(settings, folder=folder, ignored=ignored)


def read_config(path: Path) -> dict[str, Any]:
    """The JSON object in the file; // comments are allowed outside of strings."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"cannot read the settings file {path}: {error}") from None
    try:
        parsed = json.loads(strip_comments(text), object_pairs_hook=_Pairs)
    except ValueError as error:
        raise SettingsError(f"{path} is not valid JSON (with // comments): {error}") from None
    values = _without_repeats(parsed, path, "")
    if not isinstance(values, dict):
        raise SettingsError(f'{path} must contain a JSON object, such as {{"web_server": {{}}}}')
    return values


class _Pairs(list[tuple[str, Any]]):
    """The keys and values of a JSON object, which may repeat a key."""


def _without_repeats(value: Any, path: Path, prefix: str) -> Any:
    """Objects as dicts; SettingsError if one has a key twice, as only the last would count."""
    if isinstance(value, _Pairs):
        found: dict[str, Any] = {}
        for name, inner in value:
            if name in found:
                what = "merge the two" if isinstance(inner, _Pairs) else "remove one of them"
                raise SettingsError(f"`{prefix}{name}` is given twice in {path}; {what}")
            found[name] = _without_repeats(inner, path, f"{prefix}{name}.")
        return found
    if isinstance(value, list):
        return [_without_repeats(inner, path, prefix) for inner in value]
    return value


def strip_comments(text: str) -> str:
    """Replace // comments by blanks, so that line and column in error messages stay correct."""
    return re.sub(
        r'"(?:\\.|[^"\\\n])*"|//[^\n]*',
        lambda match: match[0] if match[0].startswith('"') else " " * len(match[0]),
        text,
    )


def environment_overrides(environment: Mapping[str, str]) -> dict[str, str]:
    """The settings in the environment: {"web_server.port": "9000"} for OCR_WEB_SERVER__PORT.

    OCR_WEB_SERVER__PORT_FILE names a file with the value, such as a Docker or Kubernetes secret.
    PORT is the same as OCR_WEB_SERVER__PORT, which overrides it.
    """
    sections = {section.name for section in public_fields(Settings)}
    known = all_keys()
    found = {"web_server.port": port} if (port := environment.get(PLATFORM_PORT)) else {}
    for name, text in environment.items():
        key = name.removeprefix(ENVIRONMENT_PREFIX).lower().replace("__", ".")
        if not name.startswith(ENVIRONMENT_PREFIX) or "." not in key:
            continue
        if key not in known and key.removesuffix("_file") in known:
            plain = name[: -len("_FILE")]
            if plain in environment:
                raise SettingsError(f"{plain} and {name} are both set; remove one of them")
            found[key.removesuffix("_file")] = _read_value(name, Path(text))
        elif key.split(".")[0] in sections:
            found[key] = text
    return found


def _read_value(variable: str, path: Path) -> str:
    """The text of the file, without the newline at its end.

    Messages do not show the path either, because it may be the secret itself, set by mistake.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise SettingsError(f"{variable}: cannot read this file: {error.strerror}") from None
    except UnicodeDecodeError:
        raise SettingsError(f"{variable}: this file is not UTF-8 text") from None
    return text.removesuffix("\n").removesuffix("\r")


def build(kind: Any, values: Any, prefix: str) -> Any:
    """Build a settings dataclass from plain values; SettingsError names all that is wrong."""
    if not isinstance(values, dict):
        raise SettingsError(f"{prefix.rstrip('.')}: expected an object {{…}}")
    fields = {entry.name: entry for entry in public_fields(kind)}
    arguments = {}
    problems: list[str] = []
    for name, value in values.items():
        try:
            arguments[name] = _build_entry(fields, name, value, prefix)
        except SettingsError as error:
            problems += error.problems
    if problems:
        raise SettingsError(*problems)
    return kind(**arguments)


def _build_entry(fields: Mapping[str, Any], name: str, value: Any, prefix: str) -> Any:
    """The checked value of one key, or the dataclass of a section.

    A message shows a value only if its key is known and not that of a secret: an unknown key, such
    as `admin_kye`, may be the misspelled key of a secret.
    """
    key = prefix + name
    if name not in fields:
        raise SettingsError(f"{key}: {_unknown(name, prefix, fields)}")
    constraint = fields[name].metadata.get("constraint")
    if constraint is None:
        return build(fields[name].default_factory, value, f"{key}.")
    try:
        return constraint(value)
    except ValueError as error:
        shown = MASK if is_secret(constraint) else _show(value)
        raise SettingsError(f"{key} = {shown}: {error}") from None


def _unknown(name: str, prefix: str, fields: Mapping[str, Any]) -> str:
    close = closest(name, fields)
    if close is not None:
        return f"unknown key; did you mean {prefix}{close}?"
    elsewhere = [key for key in all_keys() if key.split(".")[-1] == name]
    if elsewhere:
        return f"unknown key here; did you mean {elsewhere[0]}?"
    return f"unknown key; accepted here are {', '.join(fields)}"


def _put(values: dict[str, Any], keys: list[str], text: str) -> None:
    *sections, last = keys
    for section in sections:
        values = values.setdefault(section, {})
        if not isinstance(values, dict):
            raise SettingsError(f"{'.'.join(keys)}: {section} is not an object in the settings")
    values[last] = text


def _show(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else text[:57] + "…"
