"""The content of /metrics: counters for requests and stages, and the state of pool and cache."""

from __future__ import annotations

import functools
from collections import Counter as Count
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.process_collector import ProcessCollector

from cache.result_cache import ResultCache
from ocr_engine.engine import Engine
from ocr_engine.errors import PoolDraining, PoolStarting, QueueFull
from server.operations.renderer_metrics import RendererState
from server.operations.state_metrics import CACHE_RESULTS, OpenConnections, ServerState

if TYPE_CHECKING:
    from ocr_cluster.stats import ClusterStats
    from ocr_engine.documents.renderers import RenderingStats

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
PAGE_RESULTS = (*CACHE_RESULTS, "failed")

_REFUSALS = frozenset((QueueFull.code, PoolStarting.code, PoolDraining.code))
_SECONDS = (0.001, 0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)


class Metrics:
    """Counts requests and stages; the other metrics are collected when /metrics is requested."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry(auto_describe=True)
        self.cache_results: Count[str] = Count()
        new = functools.partial(Counter, registry=self.registry)
        timed = functools.partial(Histogram, buckets=_SECONDS, registry=self.registry)
        self._requests = new(
            "ocr_requests",
            "Recognition requests by HTTP status and error code; 499: the client disconnected.",
            ("code", "error"),
        )
        self._request_seconds = timed(
            "ocr_request_seconds", "Time from a request's first byte to the end of its answer."
        )
        self._stage_seconds = timed(
            "ocr_stage_seconds",
            "Time by stage: queue, decode, prepare, det, cls, rec, remote, draw.",
            ("stage",),
        )
        self._degraded = new(
            "ocr_degraded", "Images that were read reduced because the server was busy."
        )
        self._pages = new(
            "ocr_document_pages",
            "Pages of documents by how they were read: miss, joined, hit or failed.",
            ("result",),
        )
        for result in PAGE_RESULTS:
            self._pages.labels(result)
        self._by_outcome: dict[tuple[int, str], Counter] = {}
        self._finished = 0
        self._failed = 0
        ProcessCollector(registry=self.registry)

    def watch(
        self,
        engine: Engine,
        cache: ResultCache,
        inflight_bytes: Callable[[], int],
        connections: OpenConnections,
        folders: Mapping[str, Path],
        cluster: Callable[[], ClusterStats] | None = None,
    ) -> None:
        """Add the state of these parts to /metrics. folders: see watched_folders()."""
        self.registry.register(
            ServerState(engine, cache, inflight_bytes, connections, folders, self.cache_results)
        )
        if cluster is not None:
            from server.operations.cluster_metrics import ClusterState

            self.registry.register(ClusterState(cluster))

    def watch_renderers(self, stats: Callable[[], RenderingStats | None]) -> None:
        """Add the renderers to /metrics; stats: None before the first document."""
        self.registry.register(RendererState(stats))

    def count_request(self, status: int, error: str, seconds: float) -> None:
        """Count a finished request; error: its error code, or empty."""
        counter = self._by_outcome.get((status, error))
        if counter is None:
            counter = self._requests.labels(str(status), error)
            self._by_outcome[status, error] = counter
        counter.inc()
        self._request_seconds.observe(seconds)
        self._finished += 1
        self._failed += status >= 500 and error not in _REFUSALS

    def outcomes(self) -> tuple[int, int]:
        """How many requests have finished, and how many of them have failed.

        What a server refuses while it starts or stops, or because its queue is full, is no failure.
        """
        return self._finished, self._failed

    def count_page(self, result: str) -> None:
        """Count a page of a document; result: one of PAGE_RESULTS."""
        self._pages.labels(result).inc()

    def count_recognition(self, stages: Mapping[str, float], degraded: bool = False) -> None:
        """Count a finished recognition; stages in seconds. degraded: of a reduced image."""
        if degraded:
            self._degraded.inc()
        for stage, seconds in stages.items():
            self._stage_seconds.labels(stage).observe(seconds)

    def render(self) -> bytes:
        """All metrics in Prometheus' text format."""
        return generate_latest(self.registry)
