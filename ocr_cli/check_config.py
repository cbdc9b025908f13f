"""`ocr-server check-config`: read all settings, look for the models, say what would run."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ocr_engine.errors import EngineError
from server.settings.engine import build_engine
from server.settings.settings import (
    BUILT_IN,
    Settings,
    SettingsError,
    default_config,
    load_settings,
)


def main(arguments: Sequence[str], prog: str) -> int:
    """Print what is good or what is wrong; 2 if something is."""
    options = _parse(arguments, prog)
    try:
        settings = load_settings(options.config)
        engine = build_engine(settings)
    except (SettingsError, EngineError) as error:
        print(f"ocr-server: {error}", file=sys.stderr)
        return 2
    if options.print:
        print(json.dumps(in_effect(settings), indent=2, ensure_ascii=False))
        return 0
    print(f"{options.config or BUILT_IN}: the settings are good")
    web = settings.web_server
    threads = settings.ocr.predict_system.cpu_threads
    print(f"  would listen on {web.address}:{web.port}")
    print(f"  engine {settings.ocr.engine}, {engine.capacity} workers x {threads} thread(s)")
    for root in web.filename_roots:
        folder = settings.resolve(root)
        print(f"  filename root {folder}{'' if folder.is_dir() else ' (there is no such folder)'}")
    return 0


def in_effect(settings: Settings) -> dict[str, Any]:
    """Every setting after file and environment that has a value, in the shape of config.json."""
    values = dataclasses.asdict(settings)
    del values["folder"]
    plain: dict[str, Any] = json.loads(json.dumps(values, default=str))
    return _without_nothing(plain)


def _without_nothing(values: dict[str, Any]) -> dict[str, Any]:
    return {
        key: _without_nothing(value) if isinstance(value, dict) else value
        for key, value in values.items()
        if value is not None
    }


def _parse(arguments: Sequence[str], prog: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog=prog, description="Check settings, environment and models without starting."
    )
    parser.add_argument("--config", type=Path, default=default_config(), help="settings file")
    parser.add_argument("--print", action="store_true", help="print every setting in effect")
    return parser.parse_args(arguments)
