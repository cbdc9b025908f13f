"""The settings of what operators see: audit log, alerts, log and traces."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from server.settings.constraints import Choice, FilePath, Nullable, Number, WholeNumber
from server.settings.declared import setting
from server.settings.network_constraints import HttpUrl
from server.settings.secrets import Secret, SecretText


@dataclass(frozen=True, slots=True)
class AuditSettings:
    """The audit log. path: None: a file in the state folder if keys are used; `-`: stdout."""

    path: Path | None = setting(Nullable(FilePath()), None)
    days: int = setting(WholeNumber(1, 36_500), 90)


@dataclass(frozen=True, slots=True)
class AlertSettings:
    """What the server tells its operator, and where. webhook: None for no alerts."""

    webhook: Secret | None = setting(Nullable(SecretText()), None)
    format: str = setting(Choice("json", "wecom", "dingtalk", "feishu", "slack"), "json")
    secret: Secret | None = setting(Nullable(SecretText()), None)
    after: int = setting(WholeNumber(1, 1000), 3)
    queue_seconds: float = setting(Number(1, 86400), 60.0)
    error_percent: float = setting(Number(0, 100), 5.0)
    min_disk_mb: int = setting(WholeNumber(0, 10**6), 500)
    min_memory_mb: int = setting(WholeNumber(0, 10**6), 200)


@dataclass(frozen=True, slots=True)
class LogSettings:
    """How the log is written."""

    access_format: str = setting(Choice("text", "json"), "text")


@dataclass(frozen=True, slots=True)
class TracingSettings:
    """Where spans of requests are sent, and of how many requests. otlp_url: None: there are none.

    sample: the part of the requests that have no trace yet.
    """

    otlp_url: str | None = setting(Nullable(HttpUrl()), None)
    sample: float = setting(Number(0, 1), 1.0)
