"""The ranges of a model's activations, which INT8 needs, in a small JSON file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ocr_engine.errors import ModelError

FILE_NAME = "int8.json"  # in a model's folder
SHIPPED = Path(__file__).parent / "int8"


@dataclass(frozen=True, slots=True)
class ActivationRanges:
    """The lowest and highest input value of each operation, by its name.

    sha256: digest of the model on which the ranges were measured. Written by tools/calibrate.py.
    """

    sha256: str
    values: Mapping[str, tuple[float, float]]

    def fingerprint(self) -> str:
        """A digest of all values."""
        return hashlib.sha256(repr(sorted(self.values.items())).encode()).hexdigest()


def shipped_ranges(name: str) -> ActivationRanges | None:
    """The ranges of a catalogue model, if there are any."""
    path = SHIPPED / f"{name}.json"
    return read_ranges(path) if path.is_file() else None


def read_ranges(path: Path) -> ActivationRanges:
    """Read a file that write_ranges() wrote; ModelError for any other file."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        values = {str(name): (float(low), float(high)) for name, (low, high) in content["ranges"]}
        return ActivationRanges(str(content["model_sha256"]), values)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(
            f"{path} has no valid activation ranges ({error}); run tools/calibrate.py again"
        ) from None


def write_ranges(path: Path, ranges: ActivationRanges) -> None:
    """Write the file, one line per operation."""
    lines = [
        json.dumps([name, [round(value, 4) for value in limits]])
        for name, limits in ranges.values.items()
    ]
    body = ",\n".join(lines)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        f'{{"model_sha256": "{ranges.sha256}",\n"ranges": [\n{body}\n]}}\n', encoding="utf-8"
    )
