"""The figures of a pool, for metrics and /healthz."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ocr_engine.engine import EngineStats

if TYPE_CHECKING:
    from ocr_engine.pool.pool import Pool


def stats_of(pool: Pool, users: int) -> EngineStats:
    """The pool's state now. users: users with waiting images."""
    supervisor = pool.supervisor
    return EngineStats(
        queued=pool.queued(),
        running=pool.running(),
        queue_limit=pool.spec.queue_size,
        users=users,
        completed=pool.completed,
        expected_wait_seconds=pool.expected_wait(),
        workers=tuple(worker.stats() for worker in supervisor.workers()),
        restarts=dict(supervisor.restarts),
        starts=supervisor.starts,
        outdated=supervisor.outdated(),
    )
