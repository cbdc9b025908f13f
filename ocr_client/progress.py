"""A progress bar on a terminal; elsewhere, a progress line every 10 seconds."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from typing import TextIO

BAR_WIDTHS = (8, 24)
REDRAW_SECONDS = 0.1
LINE_SECONDS = 10.0
_ERASE_LINE = "\r\x1b[K"


class Progress:
    """Shows progress; show() may be called at any rate."""

    def __init__(
        self, stream: TextIO, label: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._stream = stream
        self._label = label
        self._clock = clock
        self._is_terminal = stream.isatty() and os.environ.get("TERM") != "dumb"
        self._last = clock() if not self._is_terminal else float("-inf")
        self._is_drawn = False

    def show(self, share: float | None, note: str, force: bool = False) -> None:
        """Show the completed share (None: unknown; above 1: late, shown as 1) and a note."""
        share = None if share is None else min(share, 1.0)
        now = self._clock()
        if not force and now - self._last < (REDRAW_SECONDS if self._is_terminal else LINE_SECONDS):
            return
        self._last = now
        if not self._is_terminal:
            percent = "" if share is None else f" {share:.0%}"
            self._stream.write(f"{self._label}{percent}  {note}\n")
        else:
            width = shutil.get_terminal_size().columns - 1
            self._stream.write(_ERASE_LINE + self._line(share, note, width)[:width])
            self._is_drawn = True
        self._stream.flush()

    def clear(self) -> None:
        """Erase the bar, so that something else can be printed; show() draws it again."""
        if self._is_drawn:
            self._stream.write(_ERASE_LINE)
            self._stream.flush()
            self._is_drawn = False
            self._last = float("-inf")

    def _line(self, share: float | None, note: str, width: int) -> str:
        """Label, bar and note; the bar is shorter on a narrow terminal."""
        if share is None:
            return f"{self._label}  {note}"
        percent = f"{min(share, 1.0):4.0%}"
        shortest, longest = BAR_WIDTHS
        left = width - len(f"{self._label}  {percent}  {note}")
        return (
            f"{self._label} {self._bar(share, min(max(left, shortest), longest))} {percent}  {note}"
        )

    def _bar(self, share: float, length: int) -> str:
        filled, empty = ("━", "─") if self._is_unicode() else ("#", ".")
        done = round(min(max(share, 0.0), 1.0) * length)
        return filled * done + empty * (length - done)

    def _is_unicode(self) -> bool:
        return (self._stream.encoding or "").lower().replace("-", "") == "utf8"


def clock_time(seconds: float) -> str:
    """`1:02:03` or `2:03`."""
    minutes, seconds = divmod(max(0, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
