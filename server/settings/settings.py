"""The settings: one frozen dataclass per concern, from config.json, environment and arguments.

An unknown key or an invalid value stops the start with a one-line message (SettingsError).
"""

from __future__ import annotations

import dataclasses
import difflib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Any

from ocr_engine.errors import listed
from ocr_engine.options import RecognitionOptions
from ocr_engine.recognizer import ENGINES
from server.settings.constraints import (
    Choice,
    Constraint,
    FalseOnly,
    FilePath,
    Flag,
    ImageShape,
    NetworkList,
    Nullable,
    Number,
    PathList,
    Text,
    WholeNumber,
)
from server.settings.paddleocr_keys import adopt

ENVIRONMENT_PREFIX = "OCR_"
BUILT_IN = "built-in defaults (no config.json found; choose a file with --config)"
_CHECKOUT = Path(__file__).resolve().parents[2]
_OPTIONS = RecognitionOptions()


class SettingsError(Exception):
    """Invalid settings, one line for each: key, value and what would be accepted."""

    def __init__(self, *problems: str) -> None:
        super().__init__(listed(problems))
        self.problems = problems


def setting(constraint: Constraint, default: Any) -> Any:
    """A dataclass field whose value is checked and converted by the constraint."""
    return field(default=default, metadata={"constraint": constraint})


@dataclass(frozen=True, slots=True)
class WebServerSettings:
    """Where and how the front end listens."""

    address: str = setting(Text(), "127.0.0.1")
    port: int = setting(WholeNumber(0, 65535), 8888)
    max_body_mb: float = setting(Number(0.001, 1024), 10.0)
    max_inflight_mb: float = setting(Number(1, 10**6), 1024.0)
    filename_roots: tuple[Path, ...] = setting(PathList(), (Path("./imgs"),))
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = setting(NetworkList(), ())
    grace_seconds: float = setting(Number(0, 3600), 30.0)


@dataclass(frozen=True, slots=True)
class ProcessSettings:
    """The pool of worker processes."""

    number: int = setting(WholeNumber(0, 1024), 0)
    idle_cores: bool = setting(Flag(), True)
    max_task_number: int = setting(WholeNumber(0, 10**9), 1000)
    queue_size: int = setting(WholeNumber(0, 10**6), 100)
    timeout_seconds: float = setting(Number(0.1, 3600), 30.0)
    queue_timeout_seconds: float = setting(Number(0.1, 3600), 60.0)
    max_rss_mb: int = setting(WholeNumber(100, 10**6), 1500)
    task_memory_mb: int = setting(WholeNumber(0, 10**6), 6000)


@dataclass(frozen=True, slots=True)
class PredictSystemSettings:
    """Models and pipeline, with PaddleOCR's names. None: the engine's default."""

    enable_mkldnn: bool = setting(Flag(), True)
    det_model_dir: Path | None = setting(Nullable(FilePath()), None)
    rec_model_dir: Path | None = setting(Nullable(FilePath()), None)
    cls_model_dir: Path | None = setting(Nullable(FilePath()), None)
    use_angle_cls: bool = setting(Flag(), _OPTIONS.use_angle_cls)
    cls_thresh: float = setting(Number(0, 1), _OPTIONS.cls_thresh)
    det_algorithm: str = setting(Choice("DB"), "DB")
    det_limit_side_len: int = setting(WholeNumber(32, 4000), _OPTIONS.det_limit_side_len)
    det_limit_type: str = setting(Choice("auto", "min", "max"), _OPTIONS.det_limit_type)
    det_db_thresh: float = setting(Number(0, 1), _OPTIONS.det_db_thresh)
    det_db_box_thresh: float = setting(Number(0, 1), _OPTIONS.det_db_box_thresh)
    det_db_unclip_ratio: float = setting(Number(0.5, 5), _OPTIONS.det_db_unclip_ratio)
    drop_score: float = setting(Number(0, 1), _OPTIONS.drop_score)
    rec_image_shape: tuple[int, int, int] | None = setting(Nullable(ImageShape()), None)
    cls_image_shape: tuple[int, int, int] | None = setting(Nullable(ImageShape()), None)
    rec_char_dict_path: Path | None = setting(Nullable(FilePath()), None)
    cpu_threads: int = setting(WholeNumber(1, 256), 1)
    cpu_cache_capacity: int = setting(WholeNumber(1, 10**4), 16)
    use_gpu: bool = setting(FalseOnly("this server computes on CPUs"), False)


@dataclass(frozen=True, slots=True)
class OcrSettings:
    """The engine, its models and its limits."""

    engine: str = setting(Choice(*ENGINES), "openvino")
    models: str = setting(Text(), "auto")
    precision: str = setting(Choice("auto", "f32", "bf16", "int8"), "auto")
    max_pixels: int = setting(WholeNumber(1, 10**9), 40_000_000)
    process: ProcessSettings = field(default_factory=ProcessSettings)
    predict_system: PredictSystemSettings = field(default_factory=PredictSystemSettings)


@dataclass(frozen=True, slots=True)
class ServiceSettings:
    """How many results and jobs are kept, and for how long."""

    time: float = setting(Number(0, 10**9), 6000.0)
    img_number: int = setting(WholeNumber(0, 10**9), 1000)
    max_cache_mb: float = setting(Number(0, 10**6), 64.0)
    max_recent_mb: float = setting(Number(0, 10**6), 32.0)
    job_seconds: float = setting(Number(1, 10**7), 3600.0)


@dataclass(frozen=True, slots=True)
class AccessSettings:
    """Who may use the server. admin_key: a key of the operator, with all scopes."""

    required: bool = setting(Flag(), False)
    admin_key: str | None = setting(Nullable(Text()), None)


@dataclass(frozen=True, slots=True)
class DatabaseSettings:
    """Where keys, usage and jobs are kept. None: a SQLite file in the state folder."""

    url: str | None = setting(Nullable(Text()), None)


@dataclass(frozen=True, slots=True)
class LogSettings:
    """How the log is written."""

    access_format: str = setting(Choice("text", "json"), "text")


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings; relative paths in them start at `folder`.

    ignored: the keys under ocr.predict_system that were given, and have no effect.
    """

    web_server: WebServerSettings = field(default_factory=WebServerSettings)
    ocr: OcrSettings = field(default_factory=OcrSettings)
    service: ServiceSettings = field(default_factory=ServiceSettings)
    access: AccessSettings = field(default_factory=AccessSettings)
    database: DatabaseSettings = field(default_factory=DatabaseSettings)
    log: LogSettings = field(default_factory=LogSettings)
    folder: Path = field(default_factory=Path.cwd, metadata={"internal": True})
    ignored: tuple[str, ...] = field(default=(), metadata={"internal": True})

    def resolve(self, path: Path) -> Path:
        """The absolute path of a path in the settings, relative to the folder of config.json."""
        return Path(os.path.normpath((self.folder / path.expanduser()).absolute()))


def constraint_of(kind: Any, name: str) -> Constraint:
    """The constraint of one setting in a dataclass above."""
    (entry,) = (entry for entry in dataclasses.fields(kind) if entry.name == name)
    constraint: Constraint = entry.metadata["constraint"]
    return constraint


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
        values = json.loads(strip_comments(text))
    except ValueError as error:
        raise SettingsError(f"{path} is not valid JSON (with // comments): {error}") from None
    if not isinstance(values, dict):
        raise SettingsError(f'{path} must contain a JSON object, such as {{"web_server": {{}}}}')
    return values


def strip_comments(text: str) -> str:
    """Replace // comments by blanks, so that line and column in error messages stay correct."""
    return re.sub(
        r'"(?:\\.|[^"\\\n])*"|//[^\n]*',
        lambda match: match[0] if match[0].startswith('"') else " " * len(match[0]),
        text,
    )


def environment_overrides(environment: Mapping[str, str]) -> dict[str, str]:
    """The settings in the environment: {"web_server.port": "9000"} for OCR_WEB_SERVER__PORT."""
    sections = {section.name for section in _public_fields(Settings)}
    found = {}
    for name, text in environment.items():
        key = name.removeprefix(ENVIRONMENT_PREFIX).lower().replace("__", ".")
        if name.startswith(ENVIRONMENT_PREFIX) and key.split(".")[0] in sections and "." in key:
            found[key] = text
    return found


def build(kind: Any, values: Any, prefix: str) -> Any:
    """Build a settings dataclass from plain values; SettingsError names all that is wrong."""
    if not isinstance(values, dict):
        raise SettingsError(f"{prefix.rstrip('.')} = {_show(values)}: expected an object {{…}}")
    fields = {entry.name: entry for entry in _public_fields(kind)}
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
    """The checked value of one key, or the dataclass of a section."""
    shown = f"{prefix}{name} = {_show(value)}"
    if name not in fields:
        raise SettingsError(f"{shown}: {_unknown(name, prefix, fields)}")
    constraint = fields[name].metadata.get("constraint")
    if constraint is None:
        return build(fields[name].default_factory, value, f"{prefix}{name}.")
    try:
        return constraint(value)
    except ValueError as error:
        raise SettingsError(f"{shown}: {error}") from None


def _unknown(name: str, prefix: str, fields: Mapping[str, Any]) -> str:
    close = difflib.get_close_matches(name, fields, n=1)
    if close:
        return f"unknown key; did you mean {prefix}{close[0]}?"
    elsewhere = [key for key in all_keys() if key.split(".")[-1] == name]
    if elsewhere:
        return f"unknown key here; did you mean {elsewhere[0]}?"
    return f"unknown key; accepted here are {', '.join(fields)}"


def all_keys(kind: Any = Settings, prefix: str = "") -> list[str]:
    """The dotted names of all settings."""
    keys = []
    for entry in _public_fields(kind):
        if "constraint" in entry.metadata:
            keys.append(prefix + entry.name)
        else:
            keys += all_keys(entry.default_factory, f"{prefix}{entry.name}.")
    return keys


def _public_fields(kind: Any) -> list[dataclasses.Field[Any]]:
    return [entry for entry in dataclasses.fields(kind) if not entry.metadata.get("internal")]


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
