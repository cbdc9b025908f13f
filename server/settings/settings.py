"""The settings: one frozen dataclass per concern; each value has a constraint and a default."""

from __future__ import annotations

import dataclasses
import os
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Any

from ocr_engine.options import RecognitionOptions
from ocr_engine.recognizer import ENGINES
from server.settings.cluster_settings import ClusterSettings
from server.settings.constraints import (
    Choice,
    Constraint,
    FalseOnly,
    FileMode,
    FilePath,
    Flag,
    ImageShape,
    Nullable,
    Number,
    PathList,
    Text,
    WholeNumber,
)
from server.settings.declared import setting
from server.settings.dialects import DialectNames
from server.settings.document_settings import DocumentSettings
from server.settings.mcp_settings import McpSettings
from server.settings.model_sets import NamedSet, NamedSets
from server.settings.network_constraints import HostList, NetworkList, OriginList, PathPrefix
from server.settings.operation_settings import (
    AlertSettings,
    AuditSettings,
    LogSettings,
    TracingSettings,
)
from server.settings.profiles import DEFAULT as DEFAULT_PROFILE
from server.settings.profiles import PROFILES
from server.settings.remote_settings import RemoteSettings
from server.settings.secrets import Secret, SecretText
from server.settings.storage_settings import StorageSettings
from server.settings.time_zones import TimeZone
from server.settings.url_settings import ImageUrlSettings, WebhookSettings

_OPTIONS = RecognitionOptions()


@dataclass(frozen=True, slots=True)
class WebServerSettings:
    """Where and how the front end listens, and what browsers may do.

    unix_socket: the server listens there, and not on address and port. allowed_hosts: if empty,
    all hosts are allowed; on a loopback address, only names of this machine are. dialects: the
    other servers whose API is spoken.
    """

    address: str = setting(Text(), "127.0.0.1")
    port: int = setting(WholeNumber(0, 65535), 8888)
    unix_socket: Path | None = setting(Nullable(FilePath()), None)
    unix_socket_mode: str = setting(FileMode(), "660")
    max_body_mb: float = setting(Number(0.001, 1024), 10.0)
    max_inflight_mb: float = setting(Number(1, 10**6), 1024.0)
    filename_roots: tuple[Path, ...] = setting(PathList(), (Path("./imgs"),))
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = setting(NetworkList(), ())
    allowed_hosts: tuple[str, ...] = setting(HostList(), ())
    cors_origins: tuple[str, ...] = setting(OriginList(), ())
    root_path: str = setting(PathPrefix(), "")
    dialects: tuple[str, ...] = setting(DialectNames(), ())
    grace_seconds: float = setting(Number(0, 3600), 30.0)


@dataclass(frozen=True, slots=True)
class ProcessSettings:
    """The pool of worker processes. spares: None: the available memory decides."""

    number: int = setting(WholeNumber(0, 1024), 0)
    spares: int | None = setting(Nullable(WholeNumber(0, 16)), None)
    idle_cores: bool = setting(Flag(), True)
    max_task_number: int = setting(WholeNumber(0, 10**9), 1000)
    queue_size: int = setting(WholeNumber(0, 10**6), 100)
    user_share: float = setting(Number(0.01, 1), 0.5)
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
    """The engine, its models (the default among model_sets) and its limits."""

    engine: str = setting(Choice(*ENGINES), "openvino")
    models: str = setting(Text(), "auto")
    model_sets: tuple[NamedSet, ...] = setting(NamedSets(), ())
    profile: str = setting(Choice(*PROFILES), DEFAULT_PROFILE)
    precision: str = setting(Choice("auto", "f32", "bf16", "int8"), "auto")
    max_pixels: int = setting(WholeNumber(1, 10**9), 40_000_000)
    max_side: int = setting(WholeNumber(0, 65_500), 0)
    process: ProcessSettings = field(default_factory=ProcessSettings)
    predict_system: PredictSystemSettings = field(default_factory=PredictSystemSettings)


@dataclass(frozen=True, slots=True)
class DegradeSettings:
    """When the server counts as busy, and how large images are read then.

    max_side: of images that are read while the server is busy, in pixels; 0: no reduction.
    """

    max_side: int = setting(WholeNumber(0, 65_500), 0)
    queue_seconds: float = setting(Number(0, 3600), 10.0)
    min_memory_mb: int = setting(WholeNumber(0, 10**6), 500)


@dataclass(frozen=True, slots=True)
class ServiceSettings:
    """How many results and jobs are kept, and for how long."""

    time: float = setting(Number(0, 10**9), 6000.0)
    img_number: int = setting(WholeNumber(0, 10**9), 1000)
    max_cache_mb: float = setting(Number(0, 10**6), 64.0)
    max_recent_mb: float = setting(Number(0, 10**6), 32.0)
    job_seconds: float = setting(Number(1, 10**7), 3600.0)


@dataclass(frozen=True, slots=True)
class CacheSettings:
    """Who may find a kept result, and whether results outlive a restart.

    scope: `auto` means the same as `key`; all requests without a key share their results.
    """

    scope: str = setting(Choice("auto", "key", "shared"), "auto")
    keep: bool = setting(Flag(), False)


@dataclass(frozen=True, slots=True)
class AccessSettings:
    """Who may use the server. admin_key: a key of the operator, with all scopes."""

    required: bool = setting(Flag(), False)
    admin_key: Secret | None = setting(Nullable(SecretText()), None)


@dataclass(frozen=True, slots=True)
class LimitsSettings:
    """Limits of client addresses, and of keys without their own limits. 0: no limit."""

    address_connections: int = setting(WholeNumber(0, 10**6), 4000)
    address_per_minute: int = setting(WholeNumber(0, 10**6), 0)
    rate_per_minute: int = setting(WholeNumber(0, 10**6), 0)
    concurrency: int = setting(WholeNumber(0, 10**6), 0)
    max_body_mb: float = setting(Number(0, 1024), 0.0)


@dataclass(frozen=True, slots=True)
class QuotaSettings:
    """How many images a key may send in a day, and when a day begins. daily: 0: no limit."""

    daily: int = setting(WholeNumber(0, 10**9), 0)
    count_hits: bool = setting(Flag(), True)
    timezone: str = setting(TimeZone(), "UTC")


@dataclass(frozen=True, slots=True)
class DatabaseSettings:
    """Where keys, usage and jobs are kept. None: a SQLite file in the state folder."""

    url: Secret | None = setting(Nullable(SecretText()), None)


@dataclass(frozen=True, slots=True)
class UsageSettings:
    """Whether requests are counted by user and day. enabled: None: only if keys are used."""

    enabled: bool | None = setting(Nullable(Flag()), None)
    event_days: int = setting(WholeNumber(1, 36_500), 90)
    max_journal_mb: float = setting(Number(1, 10**6), 1024.0)


@dataclass(frozen=True, slots=True)
class JobSettings:
    """Where inputs and results of jobs are kept, and how large they may be."""

    blobs: str = setting(Choice("auto", "folder", "database"), "auto")
    max_per_user: int = setting(WholeNumber(1, 10**9), 10_000)
    max_mb_per_user: float = setting(Number(1, 10**9), 4096.0)
    max_batch_files: int = setting(WholeNumber(1, 10_000), 1000)
    max_batch_mb: float = setting(Number(0.001, 10**6), 1024.0)


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings; relative paths in them start at `folder`.

    ignored: the keys under ocr.predict_system that were given, and have no effect.
    """

    web_server: WebServerSettings = field(default_factory=WebServerSettings)
    ocr: OcrSettings = field(default_factory=OcrSettings)
    service: ServiceSettings = field(default_factory=ServiceSettings)
    documents: DocumentSettings = field(default_factory=DocumentSettings)
    cache: CacheSettings = field(default_factory=CacheSettings)
    access: AccessSettings = field(default_factory=AccessSettings)
    limits: LimitsSettings = field(default_factory=LimitsSettings)
    quota: QuotaSettings = field(default_factory=QuotaSettings)
    degrade: DegradeSettings = field(default_factory=DegradeSettings)
    database: DatabaseSettings = field(default_factory=DatabaseSettings)
    cluster: ClusterSettings = field(default_factory=ClusterSettings)
    usage: UsageSettings = field(default_factory=UsageSettings)
    audit: AuditSettings = field(default_factory=AuditSettings)
    jobs: JobSettings = field(default_factory=JobSettings)
    webhooks: WebhookSettings = field(default_factory=WebhookSettings)
    image_urls: ImageUrlSettings = field(default_factory=ImageUrlSettings)
    alerts: AlertSettings = field(default_factory=AlertSettings)
    storage: StorageSettings = field(default_factory=StorageSettings)
    remote: RemoteSettings = field(default_factory=RemoteSettings)
    mcp: McpSettings = field(default_factory=McpSettings)
    log: LogSettings = field(default_factory=LogSettings)
    tracing: TracingSettings = field(default_factory=TracingSettings)
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


def all_keys(kind: Any = Settings, prefix: str = "") -> list[str]:
    """The dotted names of all settings."""
    keys = []
    for entry in public_fields(kind):
        if "constraint" in entry.metadata:
            keys.append(prefix + entry.name)
        else:
            keys += all_keys(entry.default_factory, f"{prefix}{entry.name}.")
    return keys


def public_fields(kind: Any) -> list[dataclasses.Field[Any]]:
    """The settings and sections of a dataclass above."""
    return [entry for entry in dataclasses.fields(kind) if not entry.metadata.get("internal")]
