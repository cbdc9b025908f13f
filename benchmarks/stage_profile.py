"""A profile of a worker: all time counts for exactly one function of the engine."""

from __future__ import annotations

import sys
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FrameType

ENGINE = Path(__file__).resolve().parent.parent / "ocr_engine"
RUNTIMES = ENGINE / "runtimes"


def seconds_by_function(
    work: Callable[[], object], roles: Mapping[int, str] | None = None
) -> dict[str, float]:
    """Run the work; returns the seconds of each function of ocr_engine, largest first.

    Calls outside ocr_engine (numpy, cv2, Pillow) count for the calling function. Time in a
    session's run counts for the session, for example `model rec` if roles has `rec` for its id.
    """
    watch = _FunctionWatch(roles or {})
    sys.setprofile(watch.see)
    try:
        work()
    finally:
        sys.setprofile(None)
    return dict(sorted(watch.seconds.items(), key=lambda item: -item[1]))


class _FunctionWatch:
    """Traces calls and returns of Python functions; its own time is excluded."""

    def __init__(self, roles: Mapping[int, str]) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._roles = roles
        self._stack = ["outside"]
        self._since = time.perf_counter()

    def see(self, frame: FrameType, event: str, _: object) -> None:
        """Add the time since the last event to the function that was running."""
        self.seconds[self._stack[-1]] += time.perf_counter() - self._since
        if event == "call":
            self._stack.append(self._name(frame) or self._stack[-1])
        elif event == "return" and len(self._stack) > 1:
            self._stack.pop()
        self._since = time.perf_counter()

    def _name(self, frame: FrameType) -> str | None:
        """A name such as `stages.detection.preprocess`; None if the time is its caller's."""
        code = frame.f_code
        if not code.co_filename.startswith(str(ENGINE)):
            return None
        path = Path(code.co_filename)
        if path.is_relative_to(RUNTIMES):
            if code.co_name not in ("run", "run_each"):
                return None
            role = self._roles.get(id(frame.f_locals["self"]))
            return f"model {role}" if role else None
        module = path.relative_to(ENGINE).with_suffix("")
        return ".".join((*module.parts, code.co_name))
