"""Plots of results/*.json into docs/images/performance_*.png.

    python benchmarks/plots.py [peers …]

Without names, all results with a plot are drawn. Colours are those of Okabe and Ito, which
colour-blind people can distinguish; they also differ in brightness.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from typing import Any

import matplotlib as mpl
from machine import RESULTS
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from memory import MAX_PSS_MB

IMAGES = RESULTS.parents[1] / "docs" / "images"
BLUE, ORANGE = "#0072B2", "#E69F00"
WIDTH_PX = 1600  # displayed at 800
DPI = 200

Result = dict[str, Any]


def main() -> int:
    """Draw the plots and print their names."""
    arguments = _parse()
    mpl.use("Agg")
    mpl.rcParams.update({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False})
    for name in arguments.names or sorted(PLOTS):
        source = RESULTS / f"{name}.json"
        if not source.exists() and not arguments.names:
            continue
        figure = PLOTS[name](json.loads(source.read_text(encoding="utf-8")))
        IMAGES.mkdir(exist_ok=True)
        path = IMAGES / f"performance_{name}.png"
        # without the version of matplotlib: the same figures give the same bytes
        figure.savefig(path, dpi=DPI, metadata={"Software": None})
        print(f"{path.relative_to(RESULTS.parents[1])} ({path.stat().st_size} bytes)")
    return 0


def draw_peers(result: Result) -> Figure:
    """Images/s and CPU seconds per image of each server, a bar for each set of pages."""
    rows = result["rows"]
    servers = list(dict.fromkeys((row["server"], row["setting"]) for row in rows))
    labels = [f"{server}\n{setting}" for server, setting in servers]
    sets = list(dict.fromkeys(row["pages"] for row in rows))
    figure = Figure(figsize=(WIDTH_PX / DPI, 0.8 + 0.62 * len(servers)), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    for axes, title, of in (
        (panels[0], f"images/s, {result['settings']['clients']} clients", "images_per_second"),
        (panels[1], "CPU seconds per image", "cpu_per_image"),
    ):
        bars = {
            pages: [_median(rows, server, setting, pages, of) for server, setting in servers]
            for pages in sets
        }
        _bars(axes, title, labels, bars)
    figure.suptitle(_where_and_when(result), fontsize=8)
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure


def _where_and_when(result: Result) -> str:
    machine = result["machine"]
    return f"{machine['cpu']}, {machine['cores']} cores, {result['date']}"


def _bars(axes: Axes, title: str, labels: Sequence[str], bars: dict[str, list[float]]) -> None:
    """Horizontal bars with their values, one colour for each key, the first label on top."""
    height = 0.8 / len(bars)
    for place, (name, colour) in enumerate(zip(bars, (BLUE, ORANGE), strict=True)):
        at = [row + (place - (len(bars) - 1) / 2) * height for row in range(len(labels))]
        drawn = axes.barh(at, bars[name], height, label=name, color=colour)
        axes.bar_label(drawn, fmt="%.2f", padding=3, fontsize=8)
    axes.set_yticks(range(len(labels)), labels)
    axes.set_title(title, fontsize=10)
    axes.margins(x=0.14)
    if not axes.yaxis_inverted():
        axes.invert_yaxis()


def _median(rows: list[Result], server: str, setting: str, pages: str, of: str) -> float:
    found = (
        row["median"][of]
        for row in rows
        if (row["server"], row["setting"], row["pages"]) == (server, setting, pages)
    )
    return float(next(found))


def draw_memory(result: Result) -> Figure:
    """The memory of each worker after idle trims and idle resets, by number of images."""
    figure = Figure(figsize=(WIDTH_PX / DPI, 2.6), layout="constrained")
    axes = figure.subplots()
    samples = result["samples"]
    sent = [sample["images"] for sample in samples]
    for when, style in (("trim", "-"), ("reset", ":")):
        workers = zip(*(sample[f"after_{when}_pss_mb"] for sample in samples), strict=True)
        for number, (kept, colour) in enumerate(zip(workers, (BLUE, ORANGE), strict=False), 1):
            axes.plot(sent, kept, style, color=colour, label=f"worker {number}, idle {when}")
    axes.axhline(MAX_PSS_MB, color="grey", linestyle="--", linewidth=1, label="limit")
    axes.set(ylim=0, xlim=0, xlabel="images of 100x30 to 4000x3000 pixels", ylabel="PSS, MB")
    axes.legend(loc="lower right", ncols=3, fontsize=8)
    axes.set_title(_where_and_when(result), fontsize=8)
    return figure


PLOTS: dict[str, Callable[[Result], Figure]] = {"memory": draw_memory, "peers": draw_peers}


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("names", nargs="*", choices=[*PLOTS, []], help="default: all plots")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
