"""The results as text, for wide and narrow terminals."""

from __future__ import annotations

import shutil
import textwrap
from argparse import Namespace
from collections import Counter
from collections.abc import Sequence
from typing import TextIO

from load_test.answers import CACHE_OUTCOMES
from load_test.summary import LATENCY_KEYS, Latency, Summary

WIDE_COLUMNS = 100
_WIDTHS = {
    "scenario": 9, "requests": 8, "ok": 5, "failures": 8, "hit/joined/miss": 15, "wall s": 6,
    "images/s": 8, "mean": 6, "p50": 6, "p95": 6, "p99": 6, "max": 6,
}  # fmt: skip
_ONLY_WHEN_WIDE = ("requests", "wall s", "mean")


class Table:
    """Table rows, 100 columns wide, or 79 on a narrow terminal."""

    def __init__(self, stream: TextIO) -> None:
        width = shutil.get_terminal_size((WIDE_COLUMNS, 24)).columns if stream.isatty() else 101
        self._is_narrow = width <= WIDE_COLUMNS
        self.width = min(width - 1, WIDE_COLUMNS)

    def head(self) -> str:
        """The header row."""
        return self._line({name: name for name in _WIDTHS})

    def rows(self, of: Summary) -> list[str]:
        """The row of a scenario, and a row for each kind of request in a mix."""
        cells = {
            "scenario": of.scenario,
            "requests": str(of.requests),
            "ok": str(of.ok),
            "failures": str(of.failures),
            "hit/joined/miss": "/".join(str(of.cache[outcome]) for outcome in CACHE_OUTCOMES),
            "wall s": format_number(of.wall_seconds),
            "images/s": format_number(of.images_per_second),
        }
        parts = [self._line({"scenario": kind, **_latencies(latency)})
                 for kind, latency in of.kinds.items()]  # fmt: skip
        return [self._line({**cells, **_latencies(of.latency_ms)}), *parts]

    def reasons(self, summaries: Sequence[Summary]) -> list[str]:
        """Why requests failed, most frequent reasons first."""
        reasons = sum((Counter(each.reasons) for each in summaries), Counter[str]())
        return [
            textwrap.fill(f"{count:8} x {reason}", self.width, subsequent_indent=" " * 11)
            for reason, count in reasons.most_common()
        ]

    def filled(self, text: str) -> str:
        """The text, wrapped to the table's width."""
        return textwrap.fill(text, self.width)

    def _line(self, cells: dict[str, str]) -> str:
        shown = (name for name in _WIDTHS if name not in self._hidden())
        line = " ".join(
            f"{cells.get(name, ''):{'<' if name == 'scenario' else '>'}{_WIDTHS[name]}}"
            for name in shown
        )
        return line.rstrip()

    def _hidden(self) -> tuple[str, ...]:
        return _ONLY_WHEN_WIDE if self._is_narrow else ()


def format_number(number: float | None) -> str:
    """A number with three or four digits; `-` for None."""
    return "-" if number is None else f"{number:.{2 if number < 10 else int(number < 1000)}f}"


def introduction(args: Namespace, images: int) -> list[str]:
    """The lines about the run, printed before it starts."""
    if args.rate is None:
        loop = f"clients   {args.clients}"
    else:
        loop = f"rate      {args.rate:g}/s {args.arrivals}"
    warm_up = f", after {args.warm_up} of warm-up" if args.warm_up else ""
    amount = " or ".join(str(type(args.amount)(*each)) for each in _limits(args.amount))
    return [
        f"url       {args.url.geturl()}/ocr_service",
        f"images    {images} in {args.dir}",
        f"{loop}, {amount} per scenario, mode {args.mode}{warm_up}",
    ]


def explanation(args: Namespace, summaries: Sequence[Summary]) -> list[str]:
    """What the latencies mean, and in an open loop, how late requests were sent."""
    if args.rate is None:
        return ["mean to max: milliseconds from request to answer, good answers only"]
    lines = [
        "mean to max: milliseconds from when a request was due to its answer, good answers only"
    ]
    late = [each.late_ms for each in summaries if each.late_ms and each.late_ms["max"] is not None]
    if late:
        p99, most = (max(each[key] or 0.0 for each in late) for key in ("p99", "max"))
        lines.append(
            f"requests were sent at most {format_number(most)} ms late "
            f"(p99 {format_number(p99)} ms)"
        )
    return lines


def _latencies(latency: Latency) -> dict[str, str]:
    return {key: format_number(latency[key]) for key in LATENCY_KEYS}


def _limits(amount: tuple[int | None, float | None]) -> list[tuple[int | None, float | None]]:
    requests, seconds = amount
    pairs: list[tuple[int | None, float | None]] = [(requests, None), (None, seconds)]
    return [pair for pair in pairs if any(each is not None for each in pair)]
