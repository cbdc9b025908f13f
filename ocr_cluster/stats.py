"""What a process knows of its cluster at one moment, for /healthz, /metrics and the status page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from ocr_cluster.front.sharing import SharedEngine
from ocr_cluster.members import FrontBeat, NodeBeat
from ocr_cluster.node.work import NodeWork
from ocr_cluster.redis_link import LinkState, RedisLink
from ocr_engine.engine import ANONYMOUS_USER, TaskState, Turn

Role = Literal["front", "node"]
Waiters = Literal["keys", "anonymous", "jobs"]

AWAY = "it does not answer"


@dataclass(frozen=True, slots=True)
class ServerStats:
    """A server that the processes share. problem: why it is unavailable."""

    state: LinkState
    problem: str = ""


@dataclass(frozen=True, slots=True)
class ClusterStats:
    """The cluster as this process sees it.

    servers: broker, cache and state. leases: images that nodes read for this front end, or that
    this node reads. republished: second and later attempts to have the same image read.
    duplicates: answers, and attempts to read an image, that were discarded because another attempt
    had taken their place. Of a front end only: nodes and fronts, with their heartbeats; window: how
    many images it may have at nodes and in the broker; sent: how many it has there; waiting: images
    in its queue; shared_hits: results of other front ends and nodes.
    """

    role: Role
    servers: Mapping[str, ServerStats]
    leases: int
    duplicates: int
    republished: int = 0
    nodes: Sequence[NodeBeat] = ()
    fronts: Sequence[FrontBeat] = ()
    window: int = 0
    sent: int = 0
    waiting: Mapping[Waiters, int] = field(default_factory=dict)
    shared_hits: int = 0


def front_stats(shared: SharedEngine) -> ClusterStats:
    """The cluster as a front end sees it."""
    engine = shared.engine
    state, cache = shared.links
    tasks = tuple(engine.dispatch)
    waiting: Counter[Waiters] = Counter(_waiters(turn) for turn in engine.waiting_turns())
    return ClusterStats(
        role="front",
        servers={
            "broker": _server(engine.publisher.is_away),
            "cache": _redis(cache),
            "state": _redis(state),
        },
        leases=sum(task.state is TaskState.RUNNING for task in tasks),
        duplicates=engine.dispatch.late,
        republished=engine.dispatch.republished,
        nodes=engine.members.nodes,
        fronts=engine.members.fronts,
        window=engine.window(),
        sent=len(tasks),
        waiting={"keys": 0, "anonymous": 0, "jobs": 0, **waiting},
        shared_hits=shared.results.hits,
    )


def node_stats(node: NodeWork) -> ClusterStats:
    """The cluster as a node sees it."""
    state, cache = node.links
    held = node.reader.held
    return ClusterStats(
        role="node",
        servers={
            "broker": _server(not node.is_connected),
            "cache": _redis(cache),
            "state": _redis(state),
        },
        leases=len(held),
        duplicates=held.late,
    )


def _waiters(turn: Turn) -> Waiters:
    if turn.background:
        return "jobs"
    return "anonymous" if turn.user == ANONYMOUS_USER else "keys"


def _redis(link: RedisLink) -> ServerStats:
    return ServerStats(link.state, link.problem)


def _server(is_away: bool) -> ServerStats:
    return ServerStats("unavailable", AWAY) if is_away else ServerStats("open")
