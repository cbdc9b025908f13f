"""The processes that draw pages of documents, in /metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from ocr_engine.pool.exits import EXIT_LABELS

if TYPE_CHECKING:
    from ocr_engine.documents.renderers import RenderingStats


class RendererState(Collector):
    """Collects the state of the renderers."""

    def __init__(self, stats: Callable[[], RenderingStats | None]) -> None:
        self._stats = stats

    def describe(self) -> list[Metric]:
        """See ServerState.describe."""
        return list(self.collect())

    def collect(self) -> Iterator[Metric]:
        """See prometheus_client's Collector."""
        stats = self._stats()
        renderers = () if stats is None else stats.renderers
        yield GaugeMetricFamily(
            "ocr_renderers", "Processes that draw pages of documents.", len(renderers)
        )
        rss = GaugeMetricFamily(
            "ocr_renderer_rss_bytes",
            "Resident memory of a renderer after its last page.",
            labels=("pid",),
        )
        for each in renderers:
            if each.pid is not None:
                rss.add_metric((str(each.pid),), each.rss_mb << 20)
        yield rss
        restarts = CounterMetricFamily(
            "ocr_renderer_restarts", "Renderers that were lost, by reason.", labels=("reason",)
        )
        lost = {} if stats is None else stats.restarts
        for reason, count in {**dict.fromkeys(EXIT_LABELS, 0), **lost}.items():
            restarts.add_metric((reason,), count)
        yield restarts
