"""The settings of the worker pool."""

from __future__ import annotations

from dataclasses import dataclass

from ocr_engine.pool.supervisor import SupervisorSpec


@dataclass(frozen=True, slots=True)
class PoolSpec:
    """The worker pool's settings.

    queue_size: limit of the backlog. queue_seconds: how long a task may wait for a worker.
    task_seconds: how long one recognition may take, once started.
    cores_per_image: how many cores one image may use at most, if they would otherwise be idle.
    fingerprint: see Engine. user_share: see Admission.
    """

    workers: SupervisorSpec
    fingerprint: str = ""
    queue_size: int = 100
    queue_seconds: float = 60.0
    task_seconds: float = 30.0
    cores_per_image: int = 1
    user_share: float = 1.0
