"""The cores and the time that one recognition may use, and the steps that are done already."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field

from ocr_engine.errors import RecognitionTimeout
from ocr_engine.steps import Steps


@dataclass(frozen=True, slots=True)
class Budget:
    """The limits of one recognition; created by the worker and passed down to the models.

    cores: how many it may use concurrently; the text does not depend on it.
    deadline: in time.monotonic(). steps: those of this recognition; no other may use them.
    """

    cores: int = 1
    deadline: float = math.inf
    steps: Steps = field(default_factory=Steps, compare=False)

    def check_deadline(self) -> None:
        """RecognitionTimeout if the deadline has passed; recognizers call it between lines."""
        if time.monotonic() >= self.deadline:
            raise RecognitionTimeout("the deadline has passed")


ONE_CORE = Budget()
