"""Plots the distribution of latencies, and throughput over time."""

from __future__ import annotations

import math
from argparse import Namespace
from collections.abc import Sequence
from importlib.util import find_spec
from itertools import cycle, pairwise
from pathlib import Path
from typing import Any

from load_test.errors import CannotStart
from load_test.load import ScenarioResult
from load_test.summary import Summary, percentile
from load_test.table import format_number

# Which ticks have room, by the ratio of the longest to the shortest latency.
_TICKS = ((10, (1, 1.5, 2, 3, 5, 7)), (200, (1, 2, 5)), (math.inf, (1,)))
MOST_TIMES = 6  # per axis
SUFFIXES = (".png", ".svg", ".pdf")
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7")  # also for colour-blind people


def check_plot(path: Path) -> None:
    """CannotStart if the plot cannot be drawn or written; called before the measurement."""
    if find_spec("matplotlib") is None:
        raise CannotStart(
            "--plot needs matplotlib: run `.venv/bin/python multirequest.py` (`make install` "
            "creates .venv), or `pip install matplotlib`"
        )
    if path.suffix.lower() not in SUFFIXES:
        raise CannotStart(f"--plot {path}: the name must end in {', '.join(SUFFIXES)}")
    if not path.absolute().parent.is_dir():
        raise CannotStart(f"--plot {path}: the folder {path.parent} does not exist")


def draw(path: Path, args: Namespace, results: Sequence[ScenarioResult]) -> None:
    """Draw one panel with all latencies, and one per scenario with its throughput.

    Each scenario has its own time axis, because durations range from 20 ms to minutes.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    names = [str(index) for index in range(len(results))]
    figure, panels = pyplot.subplot_mosaic(
        [["latency", name] for name in names],
        figsize=(11, 3.6 + 0.6 * len(results)),
        width_ratios=(5, 4),
        layout="constrained",
    )
    latency = panels["latency"]
    for name, colour, each in zip(names, cycle(_COLOURS), results, strict=False):
        if each.latencies:
            _draw_distribution(latency, each.summary.scenario, sorted(each.latencies), colour)
        _draw_throughput(panels[name], each.summary, colour)
    latency.set(xscale="log", ylim=(0, 1.02), ylabel="share of good answers")
    latency.set_xlabel(_latency_label(args))
    latency.set_title("Latency", loc="left")
    _mark_percent_and_milliseconds(latency)
    if any(each.latencies for each in results):
        latency.legend(frameon=False, loc="best")
    panels[names[-1]].set_xlabel("seconds since the scenario began")
    for panel in panels.values():
        panel.grid(True, which="major", alpha=0.25)
        panel.spines[["top", "right"]].set_visible(False)
    figure.suptitle(_title(args), x=0.01, ha="left", fontsize=10, color="0.35")
    figure.savefig(path, dpi=130)
    pyplot.close(figure)


def _mark_percent_and_milliseconds(panel: Any) -> None:
    """Label the axes: percent on y; powers of ten on x, and numbers between if they fit."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, PercentFormatter

    low, high = panel.get_xlim()
    panel.yaxis.set_major_formatter(PercentFormatter(1.0))
    subs = next(subs for ratio, subs in _TICKS if high / low <= ratio)
    panel.xaxis.set_major_locator(LogLocator(subs=subs))
    panel.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
    panel.xaxis.set_minor_formatter(NullFormatter())


def _draw_distribution(panel: Any, name: str, ordered: list[float], colour: str) -> None:
    """Draw the cumulative distribution; mark the median and the 99th percentile."""
    milliseconds = [each * 1000 for each in ordered]
    shares = [(rank + 1) / len(ordered) for rank in range(len(ordered))]
    panel.step(milliseconds, shares, where="post", color=colour, label=name)
    marks = (50, 99)
    at = [percentile(milliseconds, percent) for percent in marks]
    panel.plot(at, [percent / 100 for percent in marks], "o", color=colour, markersize=4)


def _draw_throughput(panel: Any, summary: Summary, colour: str) -> None:
    """Draw good answers as steps, and failures, if any, as a dotted line."""
    rate = format_number(summary.images_per_second)
    panel.set_title(f"{summary.scenario}: {rate} good answers per second", loc="left", fontsize=10)
    panel.set_ylabel("per second")
    line = summary.timeline
    if line is None or not summary.wall_seconds:
        return
    for counts, style, name in ((line.ok, "-", "good"), (line.failures, ":", "failures")):
        if any(counts):
            edges, heights = rates(counts, line.step_seconds, summary.wall_seconds)
            panel.stairs(heights, edges, color=colour, linestyle=style, label=name)
    if any(line.failures):
        panel.legend(frameon=False, fontsize=8)
    panel.set_xlim(0, summary.wall_seconds)
    panel.locator_params(axis="x", nbins=MOST_TIMES)
    panel.set_ylim(bottom=0)


def rates(
    counts: Sequence[int], step_seconds: float, wall_seconds: float
) -> tuple[list[float], list[float]]:
    """The edges of the steps, and answers per second in each; a short last step is merged."""
    kept = list(counts)
    edges = [index * step_seconds for index in range(len(kept))] + [wall_seconds]
    if len(kept) > 1 and edges[-1] - edges[-2] < step_seconds / 2:
        kept[-2:] = [kept[-2] + kept[-1]]
        del edges[-2]
    widths = (after - before for before, after in pairwise(edges))
    return edges, [count / width for count, width in zip(kept, widths, strict=True)]


def _latency_label(args: Namespace) -> str:
    since = "request" if args.rate is None else "due time"
    return f"milliseconds from {since} to answer"


def _title(args: Namespace) -> str:
    if args.rate is None:
        return f"closed loop, {args.clients} clients, mode {args.mode}"
    return f"open loop, {args.rate:g} requests/s ({args.arrivals}), mode {args.mode}"
