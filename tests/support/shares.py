"""How pytest-xdist divides the tests among processes: by file, or by folder if it has servers."""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Iterator
from pathlib import Path

from xdist.scheduler import LoadScopeScheduling

# Each of these folders is one unit: its tests use the same servers, which start slowly.
WHOLE_FOLDERS = ("tests/faults", "tests/page", "tests/api_description", "tests/cluster")

# The files of faults from here on are a second unit: its tests mostly wait, and it takes longest.
SECOND_FAULTS = "tests/faults/test_l"

# The tests marked as alone: at the end, when no other test has to wait for them.
LAST = "tests/faults/test_rates.py"

# The longest. Fault tests mostly wait, so tests that compute run at the same time.
FIRST = (
    "tests/faults",
    SECOND_FAULTS,
    "tests/test_accuracy.py",
    "tests/ocr_engine/test_memory_limit.py",
    "tests/page",
    "tests/ocr_engine/test_idle_cores.py",
    "tests/ocr_engine/test_ppocr_special.py",
    "tests/ocr_engine/test_word_box_accuracy.py",
    "tests/ocr_engine/test_runtimes.py",
    "tests/test_calibrate.py",
    "tests/api_description",
    "tests/ocr_engine/test_pool.py",
    "tests/ocr_engine/test_supervisor.py",
    "tests/ocr_cli/test_commands_recognize.py",
)


class Shares(LoadScopeScheduling):  # type: ignore[misc]  # it has no types
    """Gives the next share, in the order of collection, to each process that is free."""

    def _split_scope(self, nodeid: str) -> str:
        return share(nodeid)


def share(nodeid: str) -> str:
    """The file of a test, or its folder or a part of it if that is one unit."""
    file = nodeid.partition("::")[0]
    if file == LAST:
        return file
    if file.startswith("tests/faults/") and file >= SECOND_FAULTS:
        return SECOND_FAULTS
    return next((each for each in WHOLE_FOLDERS if file.startswith(f"{each}/")), file)


def place(nodeid: str) -> int:
    """The position of a test's share in the order: FIRST, the others, LAST."""
    name = share(nodeid)
    if name == LAST:
        return len(FIRST) + 1
    return FIRST.index(name) if name in FIRST else len(FIRST)


@contextlib.contextmanager
def machine(root: Path, alone: bool) -> Iterator[None]:
    """Locks the machine for one test: exclusively, or shared with other processes."""
    with (root / "pyproject.toml").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        yield
