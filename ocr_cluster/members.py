"""The members of a cluster: each tells Redis every second that it lives, and what it does."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, TypeVar

from redis.asyncio import Redis

from ocr_cluster.link import Link
from ocr_cluster.scripts import BEAT, BEAT_MS
from ocr_cluster.work import PREFIX

log = logging.getLogger("server.cluster")

BEAT_SECONDS = 1.0
WINDOW_FACTOR = 1.5  # images at nodes or in the broker, for each warm worker
AHEAD_FACTOR = 0.5  # more of them, of users who have no other image there
_NODES = PREFIX + "nodes"
_FRONTS = PREFIX + "fronts"
NODE_PREFIX = PREFIX + "node:"  # of the names of heartbeats
_FRONT_PREFIX = PREFIX + "front:"
LOST_NODES = PREFIX + "lost_nodes"  # how many ended without telling

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class NodeBeat:
    """What a node says of itself.

    slots: warm workers, 0 while it stops. busy: images being read. models: the fingerprint of each
    model set by name. catalogue: see catalogue.py. mean_seconds: of its
    recognitions, 0 if unknown. late: answers that came too late. address: where it listens.
    """

    id: str
    slots: int
    busy: int
    models: Mapping[str, str]
    catalogue: str
    mean_seconds: float = 0.0
    completed: int = 0
    late: int = 0
    version: str = ""
    address: str = ""


@dataclass(frozen=True, slots=True)
class FrontBeat:
    """What a front end says of itself.

    queued: images in its queue. sent: at nodes or in the broker. users: with images in its queue.
    """

    id: str
    queued: int
    sent: int
    users: int = 0
    version: str = ""
    address: str = ""


@dataclass(frozen=True, slots=True)
class Members:
    """The members that were alive a second ago."""

    nodes: Sequence[NodeBeat] = ()
    fronts: Sequence[FrontBeat] = field(default=())

    @property
    def slots(self) -> int:
        """The warm workers of all nodes."""
        return sum(node.slots for node in self.nodes)

    @property
    def mean_seconds(self) -> float:
        """How long a recognition takes, 0 if no node knows."""
        known = [node.mean_seconds for node in self.nodes if node.mean_seconds]
        return sum(known) / len(known) if known else 0.0

    def sharers(self, own: str) -> int:
        """How many front ends share the workers: this one, and those that have images to read."""
        return 1 + sum(each.id != own and each.queued + each.sent > 0 for each in self.fronts)

    def share(self, own: str) -> int:
        """How many workers this front end may count on."""
        return max(1, round(self.slots / self.sharers(own)))

    def window(self, own: str) -> int:
        """How many images this front end may have at nodes and in the broker; 0 without nodes."""
        return math.ceil(WINDOW_FACTOR * self.slots / self.sharers(own))

    def ahead(self, own: str) -> int:
        """How many more it may have there of users who had no other image there."""
        return math.ceil(AHEAD_FACTOR * self.slots / self.sharers(own))


async def tell(link: Link, node: NodeBeat) -> None:
    """Tell that this node lives; RedisAway.

    Nodes need not know each other, so the cost of their heartbeats does not grow with the cluster.
    """
    name, data = f"{NODE_PREFIX}{node.id}", json.dumps(asdict(node))

    async def store(redis: Redis) -> None:
        async with redis.pipeline(transaction=False) as pipeline:
            pipeline.set(name, data, px=BEAT_MS)
            pipeline.sadd(_NODES, node.id)
            await pipeline.execute()

    await link.command(store)


async def beat(link: Link, member: FrontBeat) -> Members:
    """Tell that this front end lives; returns all members that live. RedisAway."""
    keys = (f"{_FRONT_PREFIX}{member.id}", _FRONTS, _NODES, _FRONTS, LOST_NODES)
    arguments = (member.id, json.dumps(asdict(member)), BEAT_MS, NODE_PREFIX, _FRONT_PREFIX)
    nodes, fronts = await link.evaluate(BEAT, keys, *arguments)
    return Members(_decoded(NodeBeat, nodes), _decoded(FrontBeat, fronts))


async def leave(link: Link, member: NodeBeat | FrontBeat) -> None:
    """Tell that this member ends; RedisAway."""
    is_node = isinstance(member, NodeBeat)
    index, prefix = (_NODES, NODE_PREFIX) if is_node else (_FRONTS, _FRONT_PREFIX)

    async def remove(redis: Redis) -> None:
        async with redis.pipeline() as pipeline:
            pipeline.srem(index, member.id)
            pipeline.delete(f"{prefix}{member.id}")
            await pipeline.execute()

    await link.command(remove)


def _decoded(kind: type[T], beats: Sequence[bytes]) -> tuple[T, ...]:
    """The heartbeats that this version understands; it ignores fields that it does not know."""
    known = kind.__dataclass_fields__  # type: ignore[attr-defined]
    found = []
    for each in beats:
        values: dict[str, Any] = json.loads(each)
        try:
            found.append(kind(**{name: values[name] for name in values if name in known}))
        except TypeError:
            log.warning("a heartbeat of another version is ignored: %s", sorted(values))
    return tuple(found)
