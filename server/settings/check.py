"""Checks settings and models without starting the server, and prints what would run."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ocr_engine.engine import Engine
from ocr_engine.errors import EngineError
from server.settings.cluster import cluster_urls
from server.settings.database import database_location
from server.settings.engine import build_engine
from server.settings.loading import BUILT_IN, SettingsError, load_settings
from server.settings.paddleocr_keys import warning
from server.settings.settings import Settings
from server.settings.storage import watched_places


def check_config(
    config: Path | None,
    overrides: Mapping[str, str] | None = None,
    print_settings: bool = False,
) -> int:
    """Check everything and print a summary or all settings; exit status 2 if something is wrong."""
    try:
        settings = load_settings(config, overrides=overrides)
        engine = build_engine(settings)
        watched_places(settings)
        cluster_urls(settings)
    except (SettingsError, EngineError) as error:
        print(f"ocr-server: {error}", file=sys.stderr)
        return 2
    if settings.ignored:
        print(f"ocr-server: {warning(settings.ignored)}", file=sys.stderr)
    if print_settings:
        print(json.dumps(effective_settings(settings), indent=2, ensure_ascii=False))
    else:
        print(f"{config or BUILT_IN}: the settings are valid")
        _print_summary(settings, engine)
    return 0


def effective_settings(settings: Settings) -> dict[str, Any]:
    """All settings that have a value, in the structure of config.json."""
    values = dataclasses.asdict(settings)
    del values["folder"], values["ignored"]
    plain: dict[str, Any] = json.loads(json.dumps(values, default=str))
    return _without_nulls(plain)


def _print_summary(settings: Settings, engine: Engine) -> None:
    web = settings.web_server
    threads = settings.ocr.predict_system.cpu_threads
    place = f"{web.address}:{web.port}"
    if web.unix_socket is not None:
        place = f"unix:{settings.resolve(web.unix_socket)}"
    print(f"  would listen on {place}")
    print(f"  engine {settings.ocr.engine}, {engine.capacity} workers x {threads} thread(s)")
    for root in web.filename_roots:
        folder = settings.resolve(root)
        print(
            f"  filename root {folder}{'' if folder.is_dir() else ' (this folder does not exist)'}"
        )
    print(f"  keys, usage and jobs in {database_location(settings).shown}")
    for place in settings.storage.watch:
        print(f"  watches {place}, results in {', '.join(settings.storage.results)}")


def _without_nulls(values: dict[str, Any]) -> dict[str, Any]:
    return {
        key: _without_nulls(value) if isinstance(value, dict) else value
        for key, value in values.items()
        if value is not None
    }
