"""What reading one image may take of the machine and of time."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Budget:
    """What one recognition may take; goes with its task from the pool down to the models.

    cores: on how many it may run at the same time; the text does not depend on how many.
    deadline: by time.monotonic(), one clock for all processes of a machine. At the latest then the
    pool waits no longer and ends the worker; a recognizer may stop by itself before that.
    """

    cores: int = 1
    deadline: float = math.inf


ONE_CORE = Budget()
