"""What reading one image may take of the machine and of time."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

from ocr_engine.errors import RecognitionTimeout


@dataclass(frozen=True, slots=True)
class Budget:
    """What one recognition may take; made by the worker, and handed down to the models.

    cores: on how many it may run at the same time; the text does not depend on how many.
    deadline: by time.monotonic().
    """

    cores: int = 1
    deadline: float = math.inf

    def check_deadline(self) -> None:
        """RecognitionTimeout if the deadline has passed; for recognizers, between two lines."""
        if time.monotonic() >= self.deadline:
            raise RecognitionTimeout("the deadline has passed")


ONE_CORE = Budget()
