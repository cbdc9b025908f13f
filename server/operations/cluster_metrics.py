"""The part of /metrics about the cluster; imported only in a cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from ocr_cluster.stats import ClusterStats


class ClusterState(Collector):
    """Collects the state of the cluster, as this process sees it, for each request of /metrics."""

    def __init__(self, stats: Callable[[], ClusterStats]) -> None:
        self._stats = stats

    def describe(self) -> list[Metric]:
        """The names of the metrics, for the registry; the same as those of collect()."""
        return list(self.collect())

    def collect(self) -> Iterator[Metric]:
        """See prometheus_client's Collector."""
        stats, gauge, counter = self._stats(), GaugeMetricFamily, CounterMetricFamily
        servers = gauge(
            "ocr_cluster_up", "Whether a shared server can be used.", labels=("server",)
        )
        for name, server in stats.servers.items():
            servers.add_metric((name,), server.state != "unavailable")
        yield servers
        yield gauge(
            "ocr_cluster_leases",
            "Images that nodes read for this front end, or that this node reads.",
            stats.leases,
        )
        yield counter(
            "ocr_cluster_duplicates",
            "Answers and attempts that another one had replaced.",
            stats.duplicates,
        )
        if stats.role == "front":
            yield from _of_front(stats)


def _of_front(stats: ClusterStats) -> Iterator[Metric]:
    gauge, counter = GaugeMetricFamily, CounterMetricFamily
    yield counter("ocr_cluster_republished", "Images that were sent again.", stats.republished)
    yield counter(
        "ocr_cluster_shared_hits", "Results that other servers have stored.", stats.shared_hits
    )
    yield gauge("ocr_cluster_nodes", "Nodes.", len(stats.nodes))
    yield gauge("ocr_cluster_fronts", "Front ends.", len(stats.fronts))
    yield gauge(
        "ocr_cluster_slots", "Warm workers of all nodes.", sum(node.slots for node in stats.nodes)
    )
    yield gauge(
        "ocr_cluster_busy_slots",
        "Images that all nodes read.",
        sum(node.busy for node in stats.nodes),
    )
    yield gauge(
        "ocr_cluster_window",
        "How many images this front end may have at nodes and in the broker.",
        stats.window,
    )
    yield gauge("ocr_cluster_sent", "How many it has there.", stats.sent)
    waiting = gauge(
        "ocr_cluster_waiting",
        "Images in the queue of this front end, by who waits for them.",
        labels=("waiters",),
    )
    for waiters, number in stats.waiting.items():
        waiting.add_metric((waiters,), number)
    yield waiting
