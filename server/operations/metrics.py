"""The content of /metrics: counters for requests and stages, and the state of pool and cache."""

from __future__ import annotations

import contextlib
import functools
import itertools
from collections import Counter as Count
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, get_args

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from cache.result_cache import ResultCache
from ocr_engine.engine import (
    START_BOUNDS,
    Engine,
    EngineStats,
    RemoteStats,
    StartTimes,
    WorkerState,
)
from ocr_engine.errors import PoolDraining, PoolStarting, QueueFull
from ocr_engine.pool.exits import EXIT_LABELS
from server.disk_space import free_bytes
from server.formats.answer import CacheOutcome

if TYPE_CHECKING:
    from ocr_cluster.stats import ClusterStats
    from ocr_engine.documents.renderers import RenderingStats

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
CACHE_RESULTS: tuple[CacheOutcome, ...] = get_args(CacheOutcome)

PAGE_RESULTS = (*CACHE_RESULTS, "failed")

_REFUSALS = frozenset((QueueFull.code, PoolStarting.code, PoolDraining.code))
_SECONDS = (0.001, 0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)


class OpenConnections(Protocol):
    """The number of open client connections, and its limit."""

    open: int
    limit: int


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
            _State(engine, cache, inflight_bytes, connections, folders, self.cache_results)
        )
        if cluster is not None:
            from server.operations.cluster_metrics import ClusterState

            self.registry.register(ClusterState(cluster))

    def watch_renderers(self, stats: Callable[[], RenderingStats | None]) -> None:
        """Add the renderers to /metrics; stats: None before the first document."""
        self.registry.register(_Rendering(stats))

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


class _State(Collector):
    """Collects the state of pool and cache for each request of /metrics."""

    def __init__(
        self,
        engine: Engine,
        cache: ResultCache,
        inflight_bytes: Callable[[], int],
        connections: OpenConnections,
        folders: Mapping[str, Path],
        cache_results: Count[str],
    ) -> None:
        self._engine = engine
        self._cache = cache
        self._inflight_bytes = inflight_bytes
        self._connections = connections
        self._folders = folders
        self._cache_results = cache_results

    def describe(self) -> list[Metric]:
        """The names of the metrics, for the registry; the same as those of collect()."""
        return list(self.collect())

    def collect(self) -> Iterator[Metric]:
        """See prometheus_client's Collector."""
        stats, gauge = self._engine.stats(), GaugeMetricFamily
        yield gauge("ocr_queue_depth", "Images that wait for a worker.", stats.queued)
        yield gauge("ocr_running", "Images being recognized.", stats.running)
        yield gauge(
            "ocr_expected_wait_seconds",
            "Expected wait for a worker of an image sent now.",
            stats.expected_wait_seconds,
        )
        yield gauge(
            "ocr_inflight_bytes",
            "Bytes of images being received, queued or recognized, and of answers not yet sent.",
            self._inflight_bytes(),
        )
        yield gauge("ocr_connections", "Open client connections.", self._connections.open)
        yield gauge(
            "ocr_connections_max",
            "Maximum number of open client connections, from the limit on open files.",
            self._connections.limit,
        )
        yield CounterMetricFamily(
            "ocr_recognitions", "Images that workers have finished.", stats.completed
        )
        yield gauge("ocr_cache_entries", "Results in the cache.", len(self._cache))
        yield gauge("ocr_cache_bytes", "Bytes of the results in the cache.", self._cache.size_bytes)
        results = CounterMetricFamily(
            "ocr_cache_requests", "Requests by cache outcome.", labels=("result",)
        )
        for result in CACHE_RESULTS:
            results.add_metric((result,), self._cache_results[result])
        yield results
        if stats.has_workers:
            yield from _worker_metrics(stats)
        yield _start_times(stats.starts)
        yield from _remote_metrics(stats.remote)
        yield self._disk_space()

    def _disk_space(self) -> Metric:
        free = GaugeMetricFamily(
            "ocr_disk_free_bytes", "Room on the disk of a folder.", labels=("folder",)
        )
        for name, folder in self._folders.items():
            with contextlib.suppress(OSError):  # a disk that fails
                free.add_metric((name,), free_bytes(folder))
        return free


class _Rendering(Collector):
    """Collects the state of the renderers."""

    def __init__(self, stats: Callable[[], RenderingStats | None]) -> None:
        self._stats = stats

    def describe(self) -> list[Metric]:
        """See _State.describe."""
        return list(self.collect())

    def collect(self) -> Iterator[Metric]:
        """See prometheus_client's Collector."""
        stats = self._stats()
        renderers = () if stats is None else stats.renderers
        yield GaugeMetricFamily(
            "ocr_renderers", "Processes that draw pages of documents.", len(renderers)
        )
        rss = GaugeMetricFamily(
            "ocr_renderer_rss_bytes",
            "Resident memory of a renderer after its last page.",
            labels=("pid",),
        )
        for each in renderers:
            if each.pid is not None:
                rss.add_metric((str(each.pid),), each.rss_mb << 20)
        yield rss
        restarts = CounterMetricFamily(
            "ocr_renderer_restarts", "Renderers that were lost, by reason.", labels=("reason",)
        )
        lost = {} if stats is None else stats.restarts
        for reason, count in {**dict.fromkeys(EXIT_LABELS, 0), **lost}.items():
            restarts.add_metric((reason,), count)
        yield restarts


def _start_times(starts: StartTimes) -> Metric:
    bounds = (*map(str, START_BOUNDS), "+Inf")
    buckets = zip(bounds, itertools.accumulate(starts.counts), strict=True)
    return HistogramMetricFamily(
        "ocr_worker_start_seconds",
        "Time from spawning a worker until it is ready.",
        buckets=list(buckets),
        sum_value=starts.seconds,
    )


def _remote_metrics(sets: Sequence[RemoteStats]) -> Iterator[Metric]:
    """The figures of model sets on other servers."""
    queued = GaugeMetricFamily(
        "ocr_remote_queue_depth",
        "Images that wait for models on another server.",
        labels=("models",),
    )
    running = GaugeMetricFamily(
        "ocr_remote_running", "Images that models on another server read.", labels=("models",)
    )
    attempts = CounterMetricFamily(
        "ocr_remote_requests",
        "Requests to the servers of models: ok, retried, or failed for good.",
        labels=("models", "outcome"),
    )
    for each in sets:
        queued.add_metric((each.name,), each.queued)
        running.add_metric((each.name,), each.running)
        for outcome in ("ok", "retried", "failed"):
            attempts.add_metric((each.name, outcome), each.attempts.get(outcome, 0))
    yield from (queued, running, attempts)


def _worker_metrics(stats: EngineStats) -> Iterator[Metric]:
    states = Count(worker.state for worker in stats.workers)
    workers = GaugeMetricFamily("ocr_workers", "Workers by state.", labels=("state",))
    for state in WorkerState:
        workers.add_metric((state.value,), states[state])
    yield workers
    rss = GaugeMetricFamily(
        "ocr_worker_rss_bytes",
        "Resident memory of a worker; at most half a second old while it is busy.",
        labels=("pid",),
    )
    for worker in stats.workers:
        if worker.pid is not None:
            rss.add_metric((str(worker.pid),), worker.rss_mb << 20)
    yield rss
    restarts = CounterMetricFamily(
        "ocr_worker_restarts", "Workers that were recycled or lost, by reason.", labels=("reason",)
    )
    # all of them from the start: to a monitoring system, a new series is no increase
    for reason, count in {**dict.fromkeys(EXIT_LABELS, 0), **stats.restarts}.items():
        restarts.add_metric((reason,), count)
    yield restarts
