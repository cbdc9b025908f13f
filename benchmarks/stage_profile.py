"""Where a worker's seconds go: each moment counts for one function of the engine."""

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
    """Run the work; the seconds of each function of ocr_engine, the largest first.

    What a function calls outside of ocr_engine (numpy, cv2, Pillow) counts as its own. What is
    under a session's run counts as the session's: `model rec`, where roles gives `rec` for its id.
    """
    watch = _FunctionWatch(roles or {})
    sys.setprofile(watch.see)
    try:
        work()
    finally:
        sys.setprofile(None)
    return dict(sorted(watch.seconds.items(), key=lambda item: -item[1]))


class _FunctionWatch:
    """Follows calls and returns of Python functions; its own time is left out."""

    def __init__(self, roles: Mapping[int, str]) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._roles = roles
        self._stack = ["outside"]
        self._since = time.perf_counter()

    def see(self, frame: FrameType, event: str, _: object) -> None:
        """Count the time since the last event for the function that had it."""
        self.seconds[self._stack[-1]] += time.perf_counter() - self._since
        if event == "call":
            self._stack.append(self._name(frame) or self._stack[-1])
        elif event == "return" and len(self._stack) > 1:
            self._stack.pop()
        self._since = time.perf_counter()

    def _name(self, frame: FrameType) -> str | None:
        """`stages.detection.preprocess`; None for what counts as its caller's."""
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
