"""What a run shows while it works: how far it is, in pages and in files."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from ocr_cli.recognize.inputs import InputFile
from ocr_cli.recognize.outcome import Outcome
from ocr_client.progress import Progress, clock_time


@dataclass(slots=True)
class _Open:
    """A document that is being read."""

    name: str
    pages: int
    done: int


class RunProgress:
    """Shows the progress of an outcome; shown: None if nothing is to be shown.

    Documents that are not open yet are expected to have as many pages as those that were.
    """

    def __init__(
        self, shown: Progress | None, outcome: Outcome, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._shown = shown
        self._outcome = outcome
        self._clock = clock
        self._began = clock()
        self._open: dict[int, _Open] = {}
        self._opened = 0  # documents so far
        self._opened_pages = 0

    def began(self) -> None:
        """The models are loaded."""
        self._began = self._clock()

    def waiting(self, note: str) -> None:
        """Nothing is read yet."""
        if self._shown is not None:
            self._shown.show(None, note)

    def opened(self, place: int, file: InputFile, pages: int, kept: int) -> None:
        """A document is open; kept: pages that need not be read."""
        name = file.path.name if file.path is not None else file.display_name
        self._open[place] = _Open(name, pages, kept)
        self._opened += 1
        self._opened_pages += pages
        self.show()

    def page(self, place: int) -> None:
        """A page of an open document has been read, or has failed."""
        self._open[place].done += 1
        self.show()

    def ended(self, place: int, file: InputFile) -> None:
        """A file has been read, or has failed."""
        if self._open.pop(place, None) is None:
            self._opened += file.document_kind is not None  # it could not be opened

    def clear(self) -> None:
        """Erase what is shown, so that something else can be printed."""
        if self._shown is not None:
            self._shown.clear()

    def show(self) -> None:
        """Show how far the run is."""
        if self._shown is not None:
            self._shown.show(*(self._in_pages() if self._outcome.documents else self._in_images()))

    def _in_images(self) -> tuple[float, str]:
        """The share that is done, and a note, if there are only images."""
        outcome = self._outcome
        left = outcome.total - outcome.done
        rate = self._rate(outcome.done)
        note = f"{outcome.done}/{outcome.total}  {rate:.2f} images/s{self._failed()}"
        return outcome.done / outcome.total, note + _remaining(left, rate)

    def _in_pages(self) -> tuple[float, str]:
        """As _in_images(), if there are documents."""
        outcome = self._outcome
        left = self._pages_left()
        rate = self._rate(outcome.pages)
        is_one = outcome.total == 1 and not outcome.done
        far = self._only() if is_one else f"{outcome.done}/{outcome.total} files"
        note = f"{far}  {rate:.2f} pages/s{self._failed()}{_remaining(left, rate)}"
        if self._open and not is_one:
            first = self._open[min(self._open)]
            note += f"  {first.done}/{first.pages} {first.name}"
        done = outcome.pages + outcome.kept
        return done / max(done + left, 1), note

    def _rate(self, done: int) -> float:
        elapsed = self._clock() - self._began
        return done / elapsed if elapsed else 0.0

    def _failed(self) -> str:
        failed = len(self._outcome.failures)
        return f"  {failed} failed" if failed else ""

    def _pages_left(self) -> float:
        """How many pages are still to be read, as far as that is known."""
        outcome = self._outcome
        in_work = sum(each.pages - each.done for each in self._open.values())
        unopened = outcome.documents - self._opened
        images = max(0, outcome.total - outcome.done - len(self._open) - unopened)
        usual = self._opened_pages / self._opened if self._opened else 1.0
        return in_work + unopened * usual + images

    def _only(self) -> str:
        """How far the only document is."""
        if not self._open:
            return "opening the document"
        (document,) = self._open.values()
        return f"{document.done}/{document.pages} pages"


def _remaining(left: float, rate: float) -> str:
    """The time that is left, if it can be said."""
    return f"  ETA {clock_time(left / rate)}" if left and rate else ""
