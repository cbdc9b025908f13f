"""The cores and the time that one recognition may use."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

from ocr_engine.errors import RecognitionTimeout


@dataclass(frozen=True, slots=True)
class Budget:
    """The limits of one recognition; created by the worker and passed down to the models.

    cores: how many it may use concurrently; the text does not depend on it.
    deadline: in time.monotonic().
    """

    cores: int = 1
    deadline: float = math.inf

    def check_deadline(self) -> None:
        """RecognitionTimeout if the deadline has passed; recognizers call it between lines."""
        if time.monotonic() >= self.deadline:
            raise RecognitionTimeout("the deadline has passed")


ONE_CORE = Budget()
