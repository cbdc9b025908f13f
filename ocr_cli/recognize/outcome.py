"""How a run went: what was read, what failed, what was left out."""

from __future__ import annotations

from dataclasses import dataclass, field

from ocr_cli.recognize.inputs import InputFile


@dataclass(frozen=True, slots=True)
class Failure:
    """A file that failed, or a page of it or a format of it, and why. page: 0 for all of them."""

    file: InputFile
    code: str
    message: str
    page: int = 0

    def __str__(self) -> str:
        page = f" page {self.page}" if self.page else ""
        return f"{self.file.display_name}{page}: {self.code}: {self.message}"


@dataclass(slots=True)
class Outcome:
    """The progress of a run; seconds: recognition time, without loading the models.

    read: files with a result. failed: files without one. skipped: files that were done before.
    documents: how many of all are documents. pages: that were read, an image being one. kept: pages
    that an earlier run has read. changes: what a format could not have of a file.
    """

    total: int
    documents: int = 0
    read: int = 0
    failed: int = 0
    skipped: int = 0
    pages: int = 0
    kept: int = 0
    failures: list[Failure] = field(default_factory=list)
    changes: list[tuple[InputFile, str]] = field(default_factory=list)
    seconds: float = 0.0
    unavailable: str = ""

    @property
    def done(self) -> int:
        """How many files were recognized or failed."""
        return self.read + self.failed

    def summary(self, loading_seconds: float) -> str:
        """The summary of a run in one line."""
        parts = [self._work() if self.total else "nothing to do"]
        failed_pages = sum(each.page > 0 for each in self.failures)
        if self.failed:
            parts.append(f"{self.failed} failed")
        if failed_pages:
            parts.append(f"{counted(failed_pages, 'page')} failed")
        if self.kept:
            parts.append(f"{counted(self.kept, 'page')} kept from before")
        if self.skipped:
            parts.append(f"{self.skipped} already done")
        if loading_seconds >= 0.1:
            parts.append(f"models loaded in {loading_seconds:.1f} s")
        return ", ".join(parts)

    def _work(self) -> str:
        if not self.documents:
            work = f"recognized {self.read} of {self.total} images"
            done, unit = self.done, "images"
        else:
            work = f"recognized {self.read} of {counted(self.total, 'file')}"
            work += f", {counted(self.pages, 'page')}"
            done, unit = self.pages, "pages"
        if not done:
            return work
        rate = done / self.seconds if self.seconds else 0.0
        return f"{work} in {self.seconds:.1f} s ({rate:.2f} {unit}/s)"


def counted(number: int, noun: str) -> str:
    """`1 page`, `2 pages`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
