"""GET /livez, /readyz, /healthz: is it alive, can it read, how does it do."""

from __future__ import annotations

import time
from dataclasses import asdict

from ocr_engine.errors import PoolDraining, PoolStarting
from server.handlers.base import BaseHandler
from server.version import VERSION


class LivenessHandler(BaseHandler):
    """200 as long as the loop answers."""

    def get(self) -> None:
        """Alive."""
        self.send_json({"status": "alive"})

    head = get


class ReadinessHandler(BaseHandler):
    """200 if a worker is warm and the server is not draining."""

    def get(self) -> None:
        """Ready, or a 503 that says why not."""
        if self.context.ready():
            self.send_json({"status": "ready"})
        elif self.context.draining:
            self.send_problem(PoolDraining("the server is stopping"))
        else:
            self.send_problem(PoolStarting("no worker is warm yet"))

    head = get


class HealthHandler(BaseHandler):
    """A summary for people and dashboards."""

    def get(self) -> None:
        """Workers, queue, cache, version, models."""
        context = self.context
        pool = context.service.pool
        supervisor = pool.supervisor
        state = "draining" if context.draining else "ready" if context.ready() else "starting"
        self.send_json(
            {
                "status": state,
                "version": VERSION,
                "uptime_seconds": round(time.monotonic() - context.started_at, 1),
                "engine": asdict(supervisor.info) if supervisor.info else None,
                "workers": [
                    {
                        "pid": worker.pid,
                        "state": worker.state.value,
                        "tasks_done": worker.tasks_done,
                        "rss_mb": worker.rss_mb,
                        "uptime_seconds": round(time.monotonic() - worker.started_at, 1),
                    }
                    for worker in supervisor.workers()
                ],
                "restarts": dict(supervisor.restarts),
                "queue": {
                    "waiting": pool.queued(),
                    "running": pool.running(),
                    "limit": pool.spec.queue_size,
                },
                "requests": {
                    "open": context.open_requests,
                    "in_flight": context.service.in_flight(),
                    "bytes": context.inflight_bytes(),
                },
                "completed": pool.completed,
                "cache": {
                    "entries": len(context.service.cache),
                    "bytes": context.service.cache.size_bytes,
                    "max_entries": context.service.cache.max_count,
                    "max_bytes": context.service.cache.max_bytes,
                    **{name: context.service.outcomes[name] for name in ("hit", "joined", "miss")},
                },
                "jobs": len(context.jobs),
            }
        )

    head = get
