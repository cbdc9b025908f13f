"""What this process is in a cluster: everything, a front end, or a node; and its traces."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from ocr_engine.engine import Engine
from ocr_engine.recognizer import Recognizer
from server.settings.cluster import cluster_urls
from server.settings.engine import build_engine, build_pool
from server.settings.loading import SettingsError
from server.settings.settings import Settings

if TYPE_CHECKING:
    from ocr_cluster.node.work import NodeWork
    from ocr_cluster.stats import ClusterStats
    from server.cluster import FrontSharing
    from server.operations.tracing import Tracing


@dataclass(frozen=True, slots=True)
class Part:
    """What this process is in a cluster. descriptors: that its connections to servers need.

    sharing: of a front end; node: of a node; both are None without a cluster. stats: what this
    process knows of the cluster.
    """

    engine: Engine
    sharing: FrontSharing | None = None
    node: NodeWork | None = None
    descriptors: int = 0
    stats: Callable[[], ClusterStats] | None = None


def build_part(
    settings: Settings,
    load: Callable[[], Recognizer] | None = None,
    tracing: Tracing | None = None,
) -> Part:
    """The engine of this process, and what connects it with others; see build_context."""
    urls = cluster_urls(settings)
    if urls is None:
        return Part(build_engine(settings, load))
    # costs nothing without a cluster
    from ocr_cluster.stats import front_stats, node_stats
    from server import cluster

    descriptors = cluster.DESCRIPTORS
    if settings.cluster.role == "front":
        front = cluster.build_front(settings, urls)
        return Part(
            front,
            sharing=cluster.FrontSharing(front),
            descriptors=descriptors,
            stats=partial(front_stats, front),
        )
    pool = build_pool(settings, load)
    node = cluster.build_node(settings, urls, pool, tracing)
    return Part(pool, node=node, descriptors=descriptors, stats=partial(node_stats, node))


def build_traces(settings: Settings) -> Tracing | None:
    """What sends the traces of requests; None without tracing.otlp_url."""
    if settings.tracing.otlp_url is None:
        return None
    try:
        # costs nothing while it is off
        from server.operations.tracing import NODE, SERVER, build_tracing
    except ModuleNotFoundError as error:
        raise SettingsError(
            f"tracing.otlp_url: {error}; "
            "install it with: pip install --require-hashes -r requirements/otel.txt"
        ) from None
    service = NODE if settings.cluster.role == "node" else SERVER
    return build_tracing(settings.tracing.otlp_url, settings.tracing.sample, service)
