"""The infer requests of one session, and the queue from which they take inputs."""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Sequence

import numpy as np
import openvino as ov

from ocr_engine.arrays import FloatArray
from ocr_engine.runtimes.session import PixelArray


class WorkQueue:
    """Indices of inputs not yet claimed by an infer request, ordered by width."""

    def __init__(self, widths: Sequence[int]) -> None:
        self._widths = widths
        self._by_width = deque(sorted(range(len(widths)), key=widths.__getitem__))
        self._lock = threading.Lock()

    def take_widest(self) -> int | None:
        """Claim the widest input; None if none is left."""
        with self._lock:
            return self._by_width.pop() if self._by_width else None

    def narrowest_is_nearer(self, width: int) -> bool:
        """Whether the narrowest input, rather than the widest, is nearer to this width."""
        if not self._by_width:
            return False
        narrowest, widest = (self._widths[self._by_width[end]] for end in (0, -1))
        return abs(narrowest - width) <= abs(widest - width)

    def take_narrowest(self, limit: float = math.inf) -> int | None:
        """Claim the narrowest input; None if all inputs left are wider than the limit."""
        with self._lock:
            if not self._by_width or self._widths[self._by_width[0]] > limit:
                return None
            return self._by_width.popleft()

    def clear(self) -> None:
        """Remove all inputs."""
        with self._lock:
            self._by_width.clear()


class InferRequest:
    """An infer request with its own compiled model; used by one thread at a time."""

    def __init__(self, model: ov.CompiledModel) -> None:
        self.width = 0  # of its last input
        self._model = model
        self._request: ov.InferRequest | None = model.create_infer_request()

    def run(self, pixels: PixelArray) -> FloatArray:
        """The first output, valid until the next run.

        Uses OpenVINO's start_async() and wait(), which raises if an allocation fails; infer() would
        hide that and return the previous output. After a failed allocation the model is unusable:
        each run requests the same memory again.
        """
        assert self._request is not None
        self.width = pixels.shape[2]
        self._request.set_input_tensor(ov.Tensor(pixels, shared_memory=True))
        self._request.start_async()
        self._request.wait()
        return np.asarray(self._request.get_output_tensor(0).data, dtype=np.float32)

    def release_memory(self) -> None:
        """Drop activations; an existing ov.InferRequest would keep them."""
        self._request = None
        self._model.release_memory()
        self._request = self._model.create_infer_request()
