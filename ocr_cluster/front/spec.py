"""The settings of a front end of a cluster."""

from __future__ import annotations

from dataclasses import dataclass

from ocr_cluster.members import FrontBeat


@dataclass(frozen=True, slots=True)
class FrontSpec:
    """member: the heartbeat, without its figures.

    queue_size, queue_seconds, task_seconds, user_share: see PoolSpec. give_up_seconds: how long a
    broker that is away is waited for.
    """

    member: FrontBeat
    broker_url: str
    queue_size: int
    queue_seconds: float
    task_seconds: float
    user_share: float
    give_up_seconds: float
