"""Traces: what a request that is traced goes through, in this process and in others.

The trace of a request is found by the code that works for it, however deep, because each task of
the event loop has the context of the task that has started it. Most requests have none.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import NamedTuple

SAMPLED = 1  # a flag of the header

# Later versions may have more at the end.
_TRACEPARENT = re.compile(r"(?!ff)([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")


class Interval(NamedTuple):
    """Something that took time; began, ended: by time.monotonic(), the same in all processes."""

    name: str
    began: float
    ended: float


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a request. parts: of this part. pid: of the worker in which it happened."""

    whole: Interval
    parts: Sequence[Interval] = ()
    pid: int | None = None


class Trace:
    """The spans of one request so far, and its ids by W3C Trace Context.

    parent_id: the span of the client that has sent the request, 0 if it has none.
    """

    __slots__ = ("parent_id", "span_id", "spans", "trace_id")

    def __init__(self, trace_id: int, span_id: int, parent_id: int = 0) -> None:
        self.trace_id = trace_id
        self.span_id = span_id
        self.parent_id = parent_id
        self.spans: list[Span] = []

    @property
    def traceparent(self) -> str:
        """The header with which others continue this trace."""
        return f"00-{self.trace_id:032x}-{self.span_id:016x}-01"

    def note(self, name: str, began: float, ended: float | None = None) -> None:
        """Add a span; by default, it ends now."""
        now = time.monotonic() if ended is None else ended
        self.spans.append(Span(Interval(name, began, now)))


def parsed(header: str | None) -> tuple[int, int, bool]:
    """The ids of trace and parent in a header `traceparent`, and its flag; 0 if it is invalid."""
    found = _TRACEPARENT.fullmatch(header) if header else None
    if found is None or (found[1] == "00" and found[5]):
        return 0, 0, False
    trace_id, parent_id = int(found[2], 16), int(found[3], 16)
    if not trace_id or not parent_id:
        return 0, 0, False
    return trace_id, parent_id, bool(int(found[4], 16) & SAMPLED)


def continued(header: str | None) -> Trace | None:
    """A trace that continues that of a header; None if it is not traced."""
    trace_id, parent_id, sampled = parsed(header)
    return Trace(trace_id, new_id(64), parent_id) if trace_id and sampled else None


def new_id(bits: int) -> int:
    """A random id, which is not 0."""
    return random.getrandbits(bits) or 1


CURRENT: ContextVar[Trace | None] = ContextVar("trace", default=None)

# The intervals that a worker measures for a traced image.
MEASURED: ContextVar[list[Interval] | None] = ContextVar("measured", default=None)


def note(name: str, began: float) -> None:
    """Note a span that ends now in the trace of the present task, if it has one."""
    trace = CURRENT.get()
    if trace is not None:
        trace.note(name, began)
