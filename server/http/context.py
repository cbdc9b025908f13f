"""The objects that all handlers use; built once by server/app.py."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from ocr_engine.model_sets import LoadableSet
from ocr_engine.options import RecognitionOptions
from server.database.storage import Storage
from server.documents.documents import Documents
from server.formats.converting import Converter
from server.http.connections import Connections
from server.http.origins import Origins
from server.intake.sources import ImageSources
from server.jobs.gate import JobsGate
from server.operations.audit import AuditLog
from server.operations.metrics import Metrics
from server.operations.refused_requests import RefusedRequests
from server.outbound.guard import Guard
from server.service.inflight import InflightBytes
from server.service.service import OcrService
from server.settings.settings import Settings
from server.users.keyring import Keyring
from server.users.limits import Limiter
from server.users.refusals import Refusals
from server.users.usage import Usage

if TYPE_CHECKING:
    from ocr_cluster.node.work import NodeWork
    from ocr_cluster.redis_link import RedisLink
    from ocr_cluster.stats import ClusterStats
    from server.objects.feed import ObjectFeed
    from server.operations.tracing import Tracing
    from server.service.kept_results import KeptResults


class BackgroundWork(Protocol):
    """Work apart from requests."""

    async def run(self) -> None:
        """Work until cancelled."""


@dataclass(slots=True)
class ServerContext:
    """The parts of the server, and its state: draining, open requests, start time.

    patience_seconds: how long a client may read nothing of its answer. background: runs as long as
    the server. find_models: see server/settings/engine.py. keys_used: a request had a key, or the
    settings say that requests will.
    """

    settings: Settings
    sources: ImageSources
    service: OcrService
    converter: Converter
    documents: Documents
    storage: Storage
    jobs: JobsGate
    keyring: Keyring
    refusals: Refusals
    limiter: Limiter
    usage: Usage
    audit: AuditLog
    refused: RefusedRequests
    default_options: RecognitionOptions
    find_models: Callable[[str], LoadableSet]
    max_body_bytes: int
    inflight: InflightBytes
    metrics: Metrics
    connections: Connections
    origins: Origins
    patience_seconds: float
    webhook_guard: Guard
    background: list[BackgroundWork] = field(default_factory=list)
    keys_used: bool = False
    draining: bool = False
    open_requests: int = 0
    event_streams: Counter[str] = field(default_factory=Counter)
    kept_results: KeptResults | None = None
    object_feed: ObjectFeed | None = None
    node: NodeWork | None = None
    state_link: RedisLink | None = None
    cluster_stats: Callable[[], ClusterStats] | None = None
    tracing: Tracing | None = None
    started_at: float = field(default_factory=time.monotonic)

    def use_keys(self) -> None:
        """Keys are used: from now on, count and audit requests, as far as the settings allow."""
        if not self.keys_used:
            self.keys_used = True
            self.audit.start()
            if self.settings.usage.enabled is not False:
                self.usage.start()

    def ready(self) -> bool:
        """Whether an image sent now would be recognized."""
        return not self.draining and self.service.engine.ready()

    def uptime_seconds(self) -> float:
        """Seconds since the server started."""
        return time.monotonic() - self.started_at
