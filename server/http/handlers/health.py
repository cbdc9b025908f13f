"""GET /livez, /readyz, /healthz and /metrics: liveness, readiness, state and metrics."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ocr_engine.engine import ProbeReport, RemoteStats, WorkerStats
from ocr_engine.errors import PoolDraining, PoolStarting
from ocr_engine.recognizer import EngineInfo
from server.database.storage import Storage
from server.documents.documents import Documents
from server.errors import BodyTooLarge, HostNotAllowed
from server.http.context import ServerContext
from server.http.handlers.base import BaseHandler
from server.http.replies import Reply
from server.intake.fields import checked
from server.operations.metrics import CONTENT_TYPE
from server.settings.constraints import Flag
from server.version import VERSION

if TYPE_CHECKING:
    from server.http.health_bodies import (
        BriefHealth,
        DatabaseHealth,
        Health,
        HealthStatus,
        Liveness,
        LoadedEngine,
        ProbeHealth,
        Readiness,
        RemoteHealth,
        RendererHealth,
        WorkerHealth,
    )


class LivenessHandler(BaseHandler):
    """200 as long as the event loop runs."""

    needs = None

    def get(self) -> None:
        """Alive."""
        body: Liveness = {"status": "alive"}
        self.send_json(body)

    head = get


class ReadinessHandler(BaseHandler):
    """200 if a worker is ready and the server is not draining."""

    needs = None

    def get(self) -> None:
        """200, or 503 with the reason."""
        if self.context.ready():
            body: Readiness = {"status": "ready"}
            self.send_json(body)
        elif self.context.draining:
            self.send_problem(PoolDraining("the server is stopping"))
        else:
            self.send_problem(PoolStarting("no worker is ready yet; try again in a second"))

    head = get


class HealthHandler(BaseHandler):
    """The state of the server, for people and dashboards; only its `status` without a valid key.

    With probe=1, every worker first reads a known image. A probe needs a key if keys are required.
    """

    needs = "metrics"
    brief = False
    limited = False

    def refuse(self, error: Exception) -> None:
        """Answer without a key, as load balancers send none; but refuse probes, which cost work."""
        probes = "probe" in self.request.query_arguments
        if probes or isinstance(error, HostNotAllowed | BodyTooLarge):
            super().refuse(error)
        else:
            self.brief = True

    async def get(self) -> None:
        """Workers, queue, cache, version and models as JSON; 503 if a probe fails."""
        if self.brief:
            body: BriefHealth = {"status": _status(self.context)}
            self.send_json(body)
            return
        try:
            probed = checked("probe", self.query_fields(("probe",)).get("probe", False), Flag())
        except Exception as error:
            self.send_problem(error)
            return
        if not probed:
            self.send_json(_health(self.context))
            return
        report = await self.context.service.engine.probe()
        health = _health(self.context)
        health["probe"] = _probe(report)
        self.send_json(health, 200 if report.passed else 503)

    head = get


def _status(context: ServerContext) -> HealthStatus:
    return "draining" if context.draining else "ready" if context.ready() else "starting"


def _health(context: ServerContext) -> Health:
    engine = context.service.engine
    stats = engine.stats()
    cache, outcomes = context.service.cache, context.metrics.cache_results
    health: Health = {
        "status": _status(context),
        "version": VERSION,
        "uptime_seconds": round(context.uptime_seconds(), 1),
        "engine": _loaded(engine.info) if engine.info else None,
        "workers": [_worker(worker) for worker in stats.workers],
        "restarts": dict(stats.restarts),
        "renderers": _renderers(context.documents),
        "queue": {
            "waiting": stats.queued,
            "running": stats.running,
            "limit": stats.queue_limit,
            "users": stats.users,
            "expected_wait_seconds": round(stats.expected_wait_seconds, 1),
        },
        "requests": {
            "open": context.open_requests,
            "in_flight": context.service.in_flight(),
            "bytes": context.inflight.total(),
        },
        "completed": stats.completed,
        "cache": {
            "entries": len(cache),
            "bytes": cache.size_bytes,
            "max_entries": cache.max_count,
            "max_bytes": cache.max_bytes,
            "hit": outcomes["hit"],
            "joined": outcomes["joined"],
            "miss": outcomes["miss"],
        },
        "jobs": context.jobs.kept(),
        "jobs_kept_in": "database" if context.jobs.durable else "memory",
        "database": _database(context.storage),
    }
    if context.cluster_stats is not None or context.state_link is not None:
        from server.http.handlers.cluster_health import cluster_health

        if (cluster := cluster_health(context)) is not None:
            health["cluster"] = cluster
    if stats.remote:
        health["remote"] = [_remote(each) for each in stats.remote]
    return health


def _remote(stats: RemoteStats) -> RemoteHealth:
    return {
        "name": stats.name,
        "waiting": stats.queued,
        "running": stats.running,
        "concurrency": stats.concurrency,
        "completed": stats.completed,
        "retried": stats.attempts.get("retried", 0),
        "failed": stats.attempts.get("failed", 0),
    }


def _renderers(documents: Documents) -> list[RendererHealth]:
    stats = documents.stats()
    return [
        {
            "pid": each.pid,
            "state": each.state,
            "pages_done": each.pages_done,
            "rss_mb": each.rss_mb,
        }
        for each in (stats.renderers if stats is not None else ())
    ]


def _database(storage: Storage) -> DatabaseHealth:
    health: DatabaseHealth = {"kind": storage.location.kind, "state": storage.state}
    if health["state"] == "unavailable":
        health["problem"] = storage.problem
    return health


def _probe(report: ProbeReport) -> ProbeHealth:
    return {
        "passed": report.passed,
        "age_seconds": round(max(0.0, time.monotonic() - report.at), 1),
        "workers": [
            {
                "pid": each.pid,
                "outcome": each.outcome.value,
                "seconds": each.seconds and round(each.seconds, 3),
            }
            for each in report.workers
        ],
    }


def _loaded(info: EngineInfo) -> LoadedEngine:
    return {
        "engine": info.engine,
        "precision": info.precision,
        "models": info.models,
        "threads": info.threads,
    }


def _worker(worker: WorkerStats) -> WorkerHealth:
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

    needs = "metrics"
    limited = False

    def get(self) -> None:
        """Metrics in Prometheus' text format."""
        self.send(Reply(200, {"Content-Type": CONTENT_TYPE}, (self.context.metrics.render(),)))

    head = get
