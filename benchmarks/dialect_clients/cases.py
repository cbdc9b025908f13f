"""What every client script does: read each image of a list, print what came of it.

The scripts run in venvs of their own, without this project:

    python read_openai.py CASES

CASES: a JSON list of {"url", "key", "file"}. Prints a list with {"text"} or {"error"} for each.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable


def run(read: Callable[[str, str, str], str]) -> None:
    """Call read(url, key, file) for all cases; an exception is what its user would see."""
    outcomes = []
    for case in json.loads(sys.argv[1]):
        try:
            outcomes.append({"text": read(case["url"], case["key"], case["file"])})
        except Exception as error:
            outcomes.append({"error": f"{type(error).__name__}: {error}"})
    print(json.dumps(outcomes))
