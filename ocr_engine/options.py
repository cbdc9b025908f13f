"""What a request may ask of a recognition; travels with the task, never set on an engine."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Literal

LimitType = Literal["auto", "min", "max"]
Granularity = Literal["line", "word", "char"]


@dataclass(frozen=True, slots=True)
class RecognitionOptions:
    """Options under PaddleOCR's names; the defaults are those of PaddleOCR 3.x.

    det_limit_side_len, det_limit_type: with `min`, detection sees the image enlarged until
    its short side has that many pixels; with `max`, reduced until its long side has no more.
    Enlarging ends at 16 times the image's pixels (stages/detection.py: bounded_limit).
    `auto` is `min`, and large images are reduced as far as the model finds lines as well.
    det_db_thresh: probability (0 to 1) above which a pixel is text.
    det_db_box_thresh: mean probability (0 to 1) that a box needs.
    det_db_unclip_ratio: how far a box is grown, relative to its area / perimeter.
    use_angle_cls, cls_thresh: turn lines that stand on their head, if that sure (0 to 1).
    drop_score: lines read with less confidence (0 to 1) are left out.
    granularity: with `word` or `char`, each line comes with the boxes of its words or characters.
    draw: the boxes are drawn over the image, too.
    """

    det_limit_side_len: int = 64
    det_limit_type: LimitType = "auto"
    det_db_thresh: float = 0.3
    det_db_box_thresh: float = 0.6
    det_db_unclip_ratio: float = 1.5
    use_angle_cls: bool = True
    cls_thresh: float = 0.9
    drop_score: float = 0.5
    granularity: Granularity = "line"
    draw: bool = False

    def fingerprint(self) -> str:
        """The same string for the same options, whatever order they came in."""
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))
