"""The result as a picture: how latencies are distributed, and throughput over time."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any

from load_test.errors import CannotStart
from load_test.load import Found
from load_test.summary import Summary, percentile

LINEAR_RATIO = 10  # scenarios that differ by more share a logarithmic axis
SUFFIXES = (".png", ".svg", ".pdf")
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7")  # told apart by colour-blind people, too


def check_plot(path: Path) -> None:
    """CannotStart if the plot could not be drawn or written, before anything is measured."""
    if find_spec("matplotlib") is None:
        raise CannotStart("--plot needs matplotlib: pip install matplotlib")
    if path.suffix.lower() not in SUFFIXES:
        raise CannotStart(f"--plot {path}: the name must end in {', '.join(SUFFIXES)}")
    if not path.absolute().parent.is_dir():
        raise CannotStart(f"--plot {path}: there is no folder {path.parent}")


def draw(path: Path, args: Namespace, found: Sequence[Found]) -> None:
    """One line a scenario in both panels."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, PercentFormatter

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(11, 4.2), layout="constrained")
    for colour, each in zip(_COLOURS, found, strict=False):
        if each.latencies:
            _draw_distribution(left, each.summary.scenario, sorted(each.latencies), colour)
        _draw_throughput(right, each.summary, colour)
    left.set(xscale="log", ylim=(0, 1), xlabel=_latency_label(args), ylabel="share of good answers")
    left.set_title("Latency", loc="left")
    left.yaxis.set_major_formatter(PercentFormatter(1.0))
    left.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    left.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    left.xaxis.set_minor_formatter(NullFormatter())
    right.set(xlabel="seconds since the scenario began", ylabel="answers per second")
    if _differ_widely([each.summary.images_per_second for each in found]):
        right.set_yscale("log")
        right.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    else:
        right.set_ylim(bottom=0)
    right.set_xlim(left=0)
    right.set_title("Throughput", loc="left")
    for panel in (left, right):
        panel.grid(True, which="major", alpha=0.25)
        panel.spines[["top", "right"]].set_visible(False)
    figure.legend(*right.get_legend_handles_labels(), loc="outside upper right", ncols=4)
    figure.suptitle(_title(args), x=0.01, ha="left", fontsize=10, color="0.35")
    figure.savefig(path, dpi=130)
    pyplot.close(figure)


def _draw_distribution(panel: Any, name: str, ordered: list[float], colour: str) -> None:
    """The share of answers that took no longer; the median and the 99th percentile are marked."""
    milliseconds = [each * 1000 for each in ordered]
    shares = [(rank + 1) / len(ordered) for rank in range(len(ordered))]
    panel.step(milliseconds, shares, where="post", color=colour, label=name)
    marks = (50, 99)
    at = [percentile(milliseconds, percent) for percent in marks]
    panel.plot(at, [percent / 100 for percent in marks], "o", color=colour, markersize=4)


def _draw_throughput(panel: Any, summary: Summary, colour: str) -> None:
    """Good answers as steps; failures dotted, if there are any."""
    line = summary.timeline
    if line is None or not summary.wall_seconds:
        return
    for counts, style, name in (
        (line.ok, "-", summary.scenario),
        (line.failures, ":", f"{summary.scenario}, failures"),
    ):
        if any(counts):
            edges, heights = rates(counts, line.step_seconds, summary.wall_seconds)
            panel.stairs(heights, edges, color=colour, linestyle=style, label=name, baseline=None)


def rates(
    counts: Sequence[int], step_seconds: float, wall_seconds: float
) -> tuple[list[float], list[float]]:
    """Edges of the steps and answers per second in each; a last one that is short joins another."""
    kept = list(counts)
    edges = [index * step_seconds for index in range(len(kept))] + [wall_seconds]
    if len(kept) > 1 and edges[-1] - edges[-2] < step_seconds / 2:
        kept[-2:] = [kept[-2] + kept[-1]]
        del edges[-2]
    widths = (after - before for before, after in pairwise(edges))
    return edges, [count / width for count, width in zip(kept, widths, strict=True)]


def _differ_widely(per_second: Sequence[float]) -> bool:
    known = [rate for rate in per_second if rate > 0]
    return len(known) > 1 and max(known) > LINEAR_RATIO * min(known)


def _latency_label(args: Namespace) -> str:
    since = "request" if args.rate is None else "due time"
    return f"milliseconds from {since} to answer"


def _title(args: Namespace) -> str:
    if args.rate is None:
        return f"closed loop, {args.clients} clients, mode {args.mode}"
    return f"open loop, {args.rate:g} requests/s ({args.arrivals}), mode {args.mode}"
