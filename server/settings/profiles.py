"""Profiles: named sets of settings that trade accuracy for speed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# The settings under `ocr` of each profile; docs/tuning.md says what each of them reads right.
PROFILES: dict[str, dict[str, Any]] = {
    "accurate": {"precision": "f32", "predict_system": {"det_limit_type": "min"}},
    "balanced": {},
    "fast": {"predict_system": {"det_limit_type": "max", "det_limit_side_len": 960}},
}
DEFAULT = "balanced"
TOGETHER = ("det_limit_type", "det_limit_side_len")  # the second means what the first one says


def adopt(config: dict[str, Any]) -> None:
    """Add the settings of the profile that `config` names, except those that it gives itself.

    Values of the wrong kind are left to the checks of single settings.
    """
    ocr = config.get("ocr")
    if not isinstance(ocr, dict):
        return
    name = ocr.get("profile", DEFAULT)
    if isinstance(name, str) and name in PROFILES:
        _add(ocr, PROFILES[name])


def _add(given: dict[str, Any], more: Mapping[str, Any]) -> None:
    kept = TOGETHER if any(key in given for key in TOGETHER) else ()
    for key, value in more.items():
        if not isinstance(value, dict):
            if key not in kept:
                given.setdefault(key, value)
        elif isinstance(section := given.setdefault(key, {}), dict):
            _add(section, value)
