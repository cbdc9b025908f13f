"""Whether this Python can run a command.

This module itself runs on Python 3.7 and later, without packages.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from importlib.util import find_spec

OLDEST = (3, 11)


def wrong_interpreter(command: Sequence[str], packages: Sequence[str] = ()) -> str | None:
    """One line with what to run instead, if this Python is too old or lacks a package."""
    missing = next((name for name in packages if find_spec(name) is None), None)
    if sys.version_info[:2] < OLDEST:
        problem = "is older than Python 3.11"
    elif missing is not None:
        problem = f"does not have the package {missing}"
    else:
        return None
    instead = " ".join(map(shlex.quote, (".venv/bin/python", *command)))
    return f"{sys.executable} {problem}; run `{instead}` (`make install` creates .venv)"
