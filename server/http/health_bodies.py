"""The JSON bodies of /livez, /readyz and /healthz, as types."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, NotRequired, TypedDict

from ocr_engine.engine import ProbeOutcome, WorkerState
from server.http.json_bodies import Count, Seconds

HealthStatus = Literal["ready", "starting", "draining"]


class Liveness(TypedDict):
    """GET /livez."""

    status: Literal["alive"]


class Readiness(TypedDict):
    """GET /readyz, if ready."""

    status: Literal["ready"]


class LoadedEngine(TypedDict):
    """What the workers have loaded."""

    engine: str
    precision: str
    models: str
    threads: Annotated[int, "Threads per worker.", {"minimum": 1}]


class WorkerHealth(TypedDict):
    """One worker."""

    pid: int | None
    state: Annotated[str, {"enum": [state.value for state in WorkerState]}]
    tasks_done: Count
    rss_mb: Annotated[Count, "Resident memory after its last image, in MiB."]
    uptime_seconds: Seconds
    start_seconds: Annotated[float | None, "Seconds until it was ready."]


class RendererHealth(TypedDict):
    """One process that draws pages of documents."""

    pid: int | None
    state: Literal["starting", "idle", "busy"]
    pages_done: Count
    rss_mb: Annotated[Count, "Resident memory after its last page, in MiB."]


class QueueHealth(TypedDict):
    """Images that wait or are recognized."""

    waiting: Count
    running: Count
    limit: Count
    users: Annotated[Count, "Users with waiting images."]
    expected_wait_seconds: Seconds


class RemoteHealth(TypedDict):
    """A model set on another server."""

    name: str
    waiting: Count
    running: Count
    concurrency: Annotated[Count, "How many images it reads at a time."]
    completed: Count
    retried: Annotated[Count, "Requests that were sent again."]
    failed: Annotated[Count, "Requests that failed for good."]


class RequestsHealth(TypedDict):
    """Requests, and the bytes of their images and answers."""

    open: Count
    in_flight: Count
    bytes: Count


class CacheHealth(TypedDict):
    """The result cache, and how often it had a result."""

    entries: Count
    bytes: Count
    max_entries: Count
    max_bytes: Count
    hit: Count
    joined: Count
    miss: Count


class DatabaseHealth(TypedDict):
    """The database for keys, usage and jobs."""

    kind: Literal["sqlite", "postgresql"]
    state: Annotated[Literal["closed", "open", "unavailable"], "`closed`: not needed so far."]
    problem: NotRequired[Annotated[str, "Why it is unavailable."]]


class SharedServerHealth(TypedDict):
    """A server that several servers share."""

    state: Annotated[
        str, "`closed`: not needed so far.", {"enum": ["closed", "open", "unavailable"]}
    ]
    problem: NotRequired[Annotated[str, "Why it is unavailable."]]


class ClusterNodeHealth(TypedDict):
    """A node of the cluster, as it was a second ago."""

    id: str
    address: str
    version: str
    slots: Annotated[Count, "Warm workers; 0 while it stops."]
    busy: Annotated[Count, "Images that it reads."]
    mean_seconds: Annotated[Seconds, "Of its recognitions; 0 if unknown."]
    completed: Count
    duplicates: Annotated[Count, "Answers and attempts that another one had replaced."]
    models: Annotated[list[str], "Its model sets."]


class ClusterFrontHealth(TypedDict):
    """A front end of the cluster, as it was a second ago."""

    id: str
    address: str
    version: str
    waiting: Annotated[Count, "Images in its queue."]
    sent: Annotated[Count, "Images at nodes and in the broker."]
    users: Annotated[Count, "Users with waiting images."]


class ClusterWaitingHealth(TypedDict):
    """Images in the queue of this front end, by who waits for them."""

    keys: Count
    anonymous: Count
    jobs: Annotated[Count, "Nobody waits for them."]


class ClusterHealth(TypedDict):
    """What this server shares with others; only what the settings name."""

    role: Annotated[str, {"enum": ["all", "front", "node"]}]
    broker: NotRequired[SharedServerHealth]
    cache: NotRequired[Annotated[SharedServerHealth, "The Redis for results."]]
    state: NotRequired[
        Annotated[
            SharedServerHealth,
            "The Redis of `cluster.state_url`. While it is unavailable, each server applies the "
            "limits of addresses and keys for itself.",
        ]
    ]
    leases: NotRequired[
        Annotated[Count, "Images that nodes read for this front end, or that this node reads."]
    ]
    duplicates: NotRequired[Annotated[Count, "Answers and attempts that another one had replaced."]]
    republished: NotRequired[Annotated[Count, "Images that were sent again."]]
    window: NotRequired[
        Annotated[Count, "How many images this front end may have at nodes and in the broker."]
    ]
    sent: NotRequired[Annotated[Count, "How many it has there."]]
    waiting: NotRequired[ClusterWaitingHealth]
    shared_hits: NotRequired[Annotated[Count, "Results that other servers have stored."]]
    nodes: NotRequired[list[ClusterNodeHealth]]
    fronts: NotRequired[list[ClusterFrontHealth]]


class WorkerProbeHealth(TypedDict):
    """How one worker has read the known image."""

    pid: int | None
    outcome: Annotated[
        str,
        "`wrong`, `late`: the worker is replaced. `lost`: it died. `busy`: it reads another image.",
        {"enum": [outcome.value for outcome in ProbeOutcome]},
    ]
    seconds: Annotated[float | None, "Null if it was busy."]


class ProbeHealth(TypedDict):
    """What the probe has found."""

    passed: Annotated[bool, "Whether a worker reads correctly."]
    age_seconds: Annotated[
        Seconds, "Time since the end of the probe, which another request may have started."
    ]
    workers: list[WorkerProbeHealth]


class BriefHealth(TypedDict):
    """GET /healthz without a key, where keys are required."""

    status: HealthStatus


class Health(TypedDict):
    """GET /healthz."""

    status: HealthStatus
    version: str
    uptime_seconds: Seconds
    engine: Annotated[LoadedEngine | None, "Null until it is loaded."]
    workers: list[WorkerHealth]
    restarts: Annotated[Mapping[str, Count], "Recycled and lost workers by reason."]
    renderers: Annotated[
        list[RendererHealth], "Empty unless a document was sent in the last half minute."
    ]
    queue: QueueHealth
    remote: NotRequired[
        Annotated[list[RemoteHealth], "Model sets on other servers, if there are some."]
    ]
    requests: RequestsHealth
    completed: Annotated[Count, "Images that workers have finished."]
    cache: CacheHealth
    jobs: Annotated[Count, "Jobs that are kept, counted every few seconds."]
    jobs_kept_in: Annotated[
        Literal["database", "memory"], "`memory`: a restart loses them, see `database.problem`."
    ]
    database: DatabaseHealth
    cluster: NotRequired[Annotated[ClusterHealth, "If the settings name a part of it."]]
    probe: NotRequired[Annotated[ProbeHealth, "If it was asked for."]]
