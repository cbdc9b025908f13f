"""The part of /healthz about what this server shares with others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from server.http.context import ServerContext

if TYPE_CHECKING:
    from ocr_cluster.members import FrontBeat, NodeBeat
    from ocr_cluster.stats import ClusterStats
    from server.http.health_bodies import (
        ClusterFrontHealth,
        ClusterHealth,
        ClusterNodeHealth,
        SharedServerHealth,
    )


def cluster_health(context: ServerContext) -> ClusterHealth | None:
    """What the settings say is shared; None if that is nothing."""
    if context.cluster_stats is not None:
        return _of_member(context.cluster_stats())
    link = context.state_link
    if link is None:
        return None
    return {"role": "all", "state": _server(link.state, link.problem)}


def _of_member(stats: ClusterStats) -> ClusterHealth:
    states = {name: _server(each.state, each.problem) for name, each in stats.servers.items()}
    health: ClusterHealth = {
        "role": stats.role,
        "broker": states["broker"],
        "cache": states["cache"],
        "state": states["state"],
        "leases": stats.leases,
        "duplicates": stats.duplicates,
    }
    if stats.role == "front":
        health["republished"] = stats.republished
        health["window"] = stats.window
        health["sent"] = stats.sent
        health["waiting"] = {
            "keys": stats.waiting["keys"],
            "anonymous": stats.waiting["anonymous"],
            "jobs": stats.waiting["jobs"],
        }
        health["shared_hits"] = stats.shared_hits
        health["nodes"] = [_node(node) for node in sorted(stats.nodes, key=_place)]
        health["fronts"] = [_front(front) for front in sorted(stats.fronts, key=_place)]
    return health


def _place(member: NodeBeat | FrontBeat) -> tuple[str, str]:
    return member.address, member.id


def _node(node: NodeBeat) -> ClusterNodeHealth:
    return {
        "id": node.id,
        "address": node.address,
        "version": node.version,
        "slots": node.slots,
        "busy": node.busy,
        "mean_seconds": node.mean_seconds,
        "completed": node.completed,
        "duplicates": node.late,
        "models": sorted(node.models),
    }


def _front(front: FrontBeat) -> ClusterFrontHealth:
    return {
        "id": front.id,
        "address": front.address,
        "version": front.version,
        "waiting": front.queued,
        "sent": front.sent,
        "users": front.users,
    }


def _server(state: str, problem: str) -> SharedServerHealth:
    health: SharedServerHealth = {"state": state}
    if problem:
        health["problem"] = problem
    return health
