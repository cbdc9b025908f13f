"""Recognition models whose output is not (1, steps, classes) in probabilities: exports of CRNN.

They put the steps first, or end before the softmax.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar

import numpy as np

from ocr_engine.arrays import FloatArray
from ocr_engine.runtimes.session import Inputs, PixelArray, Precision, Session

T = TypeVar("T")

TOLERANCE = 0.01  # of a probability


class ConvertedSession:
    """A session with another output layout; see Session."""

    def __init__(self, session: Session, steps_first: bool, has_softmax: bool) -> None:
        self.metadata: Mapping[str, str] = session.metadata
        self.input_channels = session.input_channels
        self.input_height = session.input_height
        self.precision: Precision = session.precision
        self._session = session
        self._steps_first = steps_first
        self._has_softmax = has_softmax

    def run(self, pixels: PixelArray) -> FloatArray:
        """See Session.run."""
        return self._converted(self._session.run(pixels))

    def run_each(self, inputs: Inputs[T], infer_requests: int = 1) -> list[T]:
        """See Session.run_each."""

        def read(number: int, output: FloatArray) -> T:
            return inputs.read(number, self._converted(output))

        return self._session.run_each(replace(inputs, read=read), infer_requests)

    def prepare(self, pixels: PixelArray, infer_requests: int) -> None:
        """See Session.prepare."""
        self._session.prepare(pixels, infer_requests)

    def release_memory(self, shapes: bool = False) -> None:
        """See Session.release_memory."""
        self._session.release_memory(shapes)

    def _converted(self, output: FloatArray) -> FloatArray:
        if self._steps_first:
            output = output.transpose(1, 0, 2)
        if self._has_softmax:
            return output
        raised = np.exp(output - output.max(axis=2, keepdims=True))
        return np.asarray(raised / raised.sum(axis=2, keepdims=True), dtype=np.float32)


def converted(session: Session, answer: FloatArray) -> Session:
    """The session, with outputs of (1, steps, classes) in probabilities.

    answer: its output for a blank crop, which has several steps.
    """
    steps_first = answer.ndim == 3 and answer.shape[0] > 1 and answer.shape[1] == 1
    has_softmax = answer.min() >= -TOLERANCE and answer.max() <= 1 + TOLERANCE
    if has_softmax and not steps_first:
        return session
    return ConvertedSession(session, steps_first, bool(has_softmax))
