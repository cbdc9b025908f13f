"""What OpenVINO's infer_requests are made of: a compiled model of each, and what none has taken yet."""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Sequence

import numpy as np
import openvino as ov

from ocr_engine.runtimes.session import FloatArray, PixelArray


class WorkQueue:
    """The numbers of the pixels that no request has taken yet."""

    def __init__(self, widths: Sequence[int]) -> None:
        self._widths = widths
        self._by_width = deque(sorted(range(len(widths)), key=widths.__getitem__))
        self._lock = threading.Lock()

    def widest(self) -> int | None:
        """Take the widest."""
        with self._lock:
            return self._by_width.pop() if self._by_width else None

    def begins_near(self, width: int) -> bool:
        """Whether the narrowest is nearer to a width than the widest."""
        if not self._by_width:
            return False
        narrowest, widest = (self._widths[self._by_width[end]] for end in (0, -1))
        return abs(narrowest - width) <= abs(widest - width)

    def narrowest(self, limit: float = math.inf) -> int | None:
        """Take the narrowest, if it is not wider than the limit."""
        with self._lock:
            if not self._by_width or self._widths[self._by_width[0]] > limit:
                return None
            return self._by_width.popleft()

    def clear(self) -> None:
        """Take all."""
        with self._lock:
            self._by_width.clear()


class InferRequest:
    """A compiled model and its infer request; used by one thread at a time."""

    def __init__(self, model: ov.CompiledModel) -> None:
        self.width = 0  # that it ran last
        self._model = model
        self._request: ov.InferRequest | None = model.create_infer_request()

    def run(self, pixels: PixelArray) -> FloatArray:
        """The first output, valid until the next run.

        infer() hides a failed allocation and leaves an older answer in place; wait() tells of it.
        The model cannot be used any more after one: it asks for the same memory ever again.
        """
        assert self._request is not None
        self.width = pixels.shape[2]
        self._request.set_input_tensor(ov.Tensor(pixels, shared_memory=True))
        self._request.start_async()
        self._request.wait()
        return np.asarray(self._request.get_output_tensor(0).data, dtype=np.float32)

    def release_memory(self) -> None:
        """Drop activations; a request would hold on to them."""
        self._request = None
        self._model.release_memory()
        self._request = self._model.create_infer_request()
