"""GET /livez, /readyz, /healthz and /metrics: liveness, readiness, state and metrics."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from ocr_engine.engine import WorkerStats
from ocr_engine.errors import PoolDraining, PoolStarting
from server.http.handlers.base import BaseHandler
from server.http.replies import Reply
from server.operations.metrics import CACHE_RESULTS, CONTENT_TYPE
from server.version import VERSION


class LivenessHandler(BaseHandler):
    """200 as long as the event loop runs."""

    needs = None

    def get(self) -> None:
        """Alive."""
        self.send_json({"status": "alive"})

    head = get


class ReadinessHandler(BaseHandler):
    """200 if a worker is ready and the server is not draining."""

    needs = None

    def get(self) -> None:
        """200, or 503 with the reason."""
        if self.context.ready():
            self.send_json({"status": "ready"})
        elif self.context.draining:
            self.send_problem(PoolDraining("the server is stopping"))
        else:
            self.send_problem(PoolStarting("no worker is ready yet; try again in a second"))

    head = get


class HealthHandler(BaseHandler):
    """The state of the server, for people and dashboards; in one word without a valid key."""

    brief = False

    def refuse(self, error: Exception) -> None:
        """Go on all the same: load balancers send no key."""
        self.brief = True

    def get(self) -> None:
        """Workers, queue, cache, version and models as JSON."""
        context = self.context
        engine = context.service.engine
        stats = engine.stats()
        state = "draining" if context.draining else "ready" if context.ready() else "starting"
        if self.brief:
            self.send_json({"status": state})
            return
        self.send_json(
            {
                "status": state,
                "version": VERSION,
                "uptime_seconds": round(context.uptime_seconds(), 1),
                "engine": asdict(engine.info) if engine.info else None,
                "workers": [_worker_json(worker) for worker in stats.workers],
                "restarts": dict(stats.restarts),
                "queue": {
                    "waiting": stats.queued,
                    "running": stats.running,
                    "limit": stats.queue_limit,
                    "expected_wait_seconds": round(stats.expected_wait_seconds, 1),
                },
                "requests": {
                    "open": context.open_requests,
                    "in_flight": context.service.in_flight(),
                    "bytes": context.inflight.total(),
                },
                "completed": stats.completed,
                "cache": {
                    "entries": len(context.service.cache),
                    "bytes": context.service.cache.size_bytes,
                    "max_entries": context.service.cache.max_count,
                    "max_bytes": context.service.cache.max_bytes,
                    **{name: context.metrics.cache_results[name] for name in CACHE_RESULTS},
                },
                "jobs": len(context.jobs),
            }
        )

    head = get


def _worker_json(worker: WorkerStats) -> dict[str, Any]:
    """A worker as /healthz shows it."""
    return {
        "pid": worker.pid,
        "state": worker.state.value,
        "tasks_done": worker.tasks_done,
        "rss_mb": worker.rss_mb,
        "uptime_seconds": round(worker.uptime_seconds, 1),
        "start_seconds": worker.start_seconds and round(worker.start_seconds, 2),
    }


class MetricsHandler(BaseHandler):
    """Metrics for Prometheus."""

    def get(self) -> None:
        """Metrics in Prometheus' text format."""
        self.send(Reply(200, {"Content-Type": CONTENT_TYPE}, (self.context.metrics.render(),)))

    head = get
