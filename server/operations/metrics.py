"""What /metrics shows: counters of requests and stages, and the state of pool and cache."""

from __future__ import annotations

import functools
from collections import Counter as Count
from collections.abc import Callable, Iterator, Mapping
from typing import Protocol

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from cache.result_cache import ResultCache
from ocr_engine.engine import Engine, EngineStats, WorkerState

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
CACHE_RESULTS = ("hit", "joined", "miss")

_SECONDS = (0.001, 0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)


class OpenConnections(Protocol):
    """How many connections of clients are open, and how many may be."""

    open: int
    limit: int


class Metrics:
    """Counted while requests pass; the rest is read from the parts when somebody asks."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry(auto_describe=True)
        self.cache_results: Count[str] = Count()
        new = functools.partial(Counter, registry=self.registry)
        timed = functools.partial(Histogram, buckets=_SECONDS, registry=self.registry)
        self._requests = new(
            "ocr_requests",
            "Requests to read an image by HTTP status and error code; 499: the client left.",
            ("code", "error"),
        )
        self._request_seconds = timed(
            "ocr_request_seconds", "From the request's first byte to the end of its answer."
        )
        self._stage_seconds = timed(
            "ocr_stage_seconds",
            "Stages: queue, decode, det, cls, rec, draw.",
            ("stage",),
        )
        self._by_outcome: dict[tuple[int, str], Counter] = {}
        ProcessCollector(registry=self.registry)

    def watch(
        self,
        engine: Engine,
        cache: ResultCache,
        inflight_bytes: Callable[[], int],
        connections: OpenConnections,
    ) -> None:
        """Show the state of these, too."""
        self.registry.register(
            _State(engine, cache, inflight_bytes, connections, self.cache_results)
        )

    def count_request(self, status: int, error: str, seconds: float) -> None:
        """A request is over; error is the code of its error, or nothing."""
        counter = self._by_outcome.get((status, error))
        if counter is None:
            counter = self._requests.labels(str(status), error)
            self._by_outcome[status, error] = counter
        counter.inc()
        self._request_seconds.observe(seconds)

    def count_recognition(self, stages: Mapping[str, float]) -> None:
        """A recognition is done; its stages in seconds."""
        for stage, seconds in stages.items():
            self._stage_seconds.labels(stage).observe(seconds)

    def render(self) -> bytes:
        """All of it in Prometheus' text format."""
        return generate_latest(self.registry)


class _State(Collector):
    """Reads pool and cache when /metrics is asked for."""

    def __init__(
        self,
        engine: Engine,
        cache: ResultCache,
        inflight_bytes: Callable[[], int],
        connections: OpenConnections,
        cache_results: Count[str],
    ) -> None:
        self._engine = engine
        self._cache = cache
        self._inflight_bytes = inflight_bytes
        self._connections = connections
        self._cache_results = cache_results

    def describe(self) -> list[Metric]:
        """The registry asks for the names; they are those of collect()."""
        return list(self.collect())

    def collect(self) -> Iterator[Metric]:
        """See prometheus_client's Collector."""
        stats, gauge = self._engine.stats(), GaugeMetricFamily
        yield gauge("ocr_queue_depth", "Images that wait for a worker.", stats.queued)
        yield gauge("ocr_running", "Images that are being read.", stats.running)
        yield gauge(
            "ocr_expected_wait_seconds",
            "How long an image sent now would wait for a worker.",
            stats.expected_wait_seconds,
        )
        yield gauge(
            "ocr_inflight_bytes",
            "Bytes of images that are being received, wait, or are being read, and of answers "
            "that clients have not taken yet.",
            self._inflight_bytes(),
        )
        yield gauge("ocr_connections", "Open connections of clients.", self._connections.open)
        yield gauge(
            "ocr_connections_max",
            "How many may be open at once, by the limit on open files.",
            self._connections.limit,
        )
        yield CounterMetricFamily(
            "ocr_recognitions", "Images that workers have answered.", stats.completed
        )
        yield gauge("ocr_cache_entries", "Results that are kept.", len(self._cache))
        yield gauge("ocr_cache_bytes", "Bytes of these results.", self._cache.size_bytes)
        results = CounterMetricFamily(
            "ocr_cache_requests", "Requests by what the cache had for them.", labels=("result",)
        )
        for result in CACHE_RESULTS:
            results.add_metric((result,), self._cache_results[result])
        yield results
        yield from _worker_metrics(stats)


def _worker_metrics(stats: EngineStats) -> Iterator[Metric]:
    states = Count(worker.state for worker in stats.workers)
    workers = GaugeMetricFamily("ocr_workers", "Workers by their state.", labels=("state",))
    for state in WorkerState:
        workers.add_metric((state.value,), states[state])
    yield workers
    rss = GaugeMetricFamily(
        "ocr_worker_rss_bytes",
        "Resident memory; at most half a second old while the worker is busy.",
        labels=("pid",),
    )
    for worker in stats.workers:
        if worker.pid is not None:
            rss.add_metric((str(worker.pid),), worker.rss_mb << 20)
    yield rss
    restarts = CounterMetricFamily(
        "ocr_worker_restarts", "Workers that left or were lost, by reason.", labels=("reason",)
    )
    for reason, count in stats.restarts.items():
        restarts.add_metric((reason,), count)
    yield restarts
