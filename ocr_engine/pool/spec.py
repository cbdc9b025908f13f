"""The settings of the worker pool and of its workers."""

from __future__ import annotations

from dataclasses import dataclass

from ocr_engine.worker.spec import WorkerSpec


@dataclass(frozen=True, slots=True)
class SupervisorSpec:
    """How many workers there are, how each is set up, and when one is recycled.

    number: how many workers. max_tasks: images before a worker is recycled (±20 %), 0: no limit.
    max_rss_mb: memory above which it is recycled. start_seconds: limit for loading and warm-up.
    spares: how many more are kept warm to take the place of one that leaves.
    """

    number: int
    worker: WorkerSpec
    max_tasks: int = 1000
    max_rss_mb: int = 1500
    start_seconds: float = 120.0
    spares: int = 0


@dataclass(frozen=True, slots=True)
class PoolSpec:
    """The worker pool's settings.

    queue_size: limit of the backlog. queue_seconds: how long a task may wait for a worker.
    task_seconds: how long one recognition may take, once started.
    cores_per_image: how many cores one image may use at most, if they would otherwise be idle.
    user_share: see Admission.
    """

    workers: SupervisorSpec
    queue_size: int = 100
    queue_seconds: float = 60.0
    task_seconds: float = 30.0
    cores_per_image: int = 1
    user_share: float = 1.0
