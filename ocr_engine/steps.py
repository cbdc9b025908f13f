"""The finished steps of a recognition, so that another worker continues after one was lost."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

SAVE_SECONDS = 0.3  # most images take no longer, and their steps are not sent anywhere
MAX_SAVED_BYTES = 4 << 20  # of one image

Save = Callable[[bytes], None]
_Record = tuple[int, int, Any]  # the number of a step, of a part of it, and the result


class Steps:
    """The steps of one recognition, in the order in which they begin.

    A recognizer does the same steps for the same image, options and models, so the number of a step
    is enough to know it. A step has parts, such as the lines that are read; the result of a part is
    anything that JSON can hold.

    saved: what earlier workers have saved. save: gets the new results now and then, maybe from
    several threads, but from one at a time; None: they are not needed.
    """

    def __init__(
        self,
        saved: bytes = b"",
        save: Save | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._found = _parse(saved)
        self._save = save
        self._clock = clock
        self._lock = threading.Lock()
        self._new: list[_Record] = []
        self._begun = 0
        self._next_save = clock() + SAVE_SECONDS

    def begin(self) -> Step:
        """The next step."""
        self._begun += 1
        return Step(self, self._begun, self._found.get(self._begun, {}))

    def add(self, step: int, part: int, result: Any) -> None:
        """Keep the result of a part; may be called by several threads."""
        if self._save is None:
            return
        with self._lock:
            self._new.append((step, part, result))
            if self._clock() < self._next_save:
                return
            records, self._new = self._new, []
            self._save("".join(map(_line, records)).encode())
            self._next_save = self._clock() + SAVE_SECONDS


class Step:
    """One step; found: the results of the parts that are done, by their numbers."""

    def __init__(self, steps: Steps, number: int, found: Mapping[int, Any]) -> None:
        self.found = found
        self._steps = steps
        self._number = number

    def add(self, part: int, result: Any) -> None:
        """Keep the result of another part; it must not change any more."""
        self._steps.add(self._number, part, result)


def _line(record: _Record) -> str:
    return json.dumps(record, ensure_ascii=False, separators=(",", ":")) + "\n"


def _parse(saved: bytes) -> Mapping[int, Mapping[int, Any]]:
    found: dict[int, dict[int, Any]] = {}
    for line in saved.splitlines():
        step, part, result = json.loads(line)
        found.setdefault(step, {})[part] = result
    return found
