"""The options of one recognition; sent with the task, never set on an engine."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

LimitType = Literal["auto", "min", "max"]
Granularity = Literal["line", "word", "char"]
Orientation = Literal["auto", "off", "0", "90", "180", "270"]
Preprocessing = Literal["denoise", "stretch", "clahe", "deskew"]  # in the order in which they run

MAX_DETECTION_SIDE = 4000  # pixels; a longer image is reduced for detection


@dataclass(frozen=True, slots=True)
class RecognitionOptions:
    """Options under PaddleOCR's names; the defaults are those of PaddleOCR 3.x.

    det_limit_side_len, det_limit_type: with `min`, the image is enlarged for detection until its
    short side has that many pixels; with `max`, it is reduced until its long side has at most that
    many. It is enlarged to at most 16 times its pixels (stages/detection.py: bounded_limit).
    `auto` is `min`, and also reduces large images as far as the model loses no lines.
    det_db_thresh: probability (0 to 1) above which a pixel is text.
    det_db_box_thresh: minimum mean probability (0 to 1) of a box.
    det_db_unclip_ratio: how far a box is enlarged, relative to its area / perimeter.
    use_angle_cls, cls_thresh: rotate upside-down lines; the classifier's threshold (0 to 1).
    drop_score: lines with less confidence (0 to 1) are dropped.
    shown_score: lines with less confidence are kept, but not drawn, and left out of the result as
    long as nobody asks for them.
    orientation: degrees by which the page must be rotated clockwise to be upright. `auto`: its
    lines decide, unless use_angle_cls is false; `off`: the page is read as it lies.
    granularity: with `word` or `char`, each line has its words or characters with their boxes.
    preprocess: what is done to the image before it is read; images/preprocessing.py.
    use_det: if false, the image is one line. use_rec: if false, lines are found and not read.
    max_side: an image with a longer side is first reduced to that many pixels; 0: never.
    degraded: max_side is that of a server under load, and the result says so.
    draw: also draw the boxes over the image.
    models: the name of the model set that reads; empty: the default one.
    """

    det_limit_side_len: int = 64
    det_limit_type: LimitType = "auto"
    det_db_thresh: float = 0.3
    det_db_box_thresh: float = 0.6
    det_db_unclip_ratio: float = 1.5
    use_angle_cls: bool = True
    cls_thresh: float = 0.9
    drop_score: float = 0.5
    shown_score: float = 0.5
    orientation: Orientation = "auto"
    granularity: Granularity = "line"
    preprocess: tuple[Preprocessing, ...] = ()
    use_det: bool = True
    use_rec: bool = True
    max_side: int = 0
    degraded: bool = False
    draw: bool = False
    models: str = ""

    def fingerprint(self) -> str:
        """A string that is equal for equal options.

        Without the name of the model set, which has a fingerprint of its own.
        """
        values = asdict(self)
        del values["models"]
        return json.dumps(values, sort_keys=True, separators=(",", ":"))


def options_from_json(values: Mapping[str, Any]) -> RecognitionOptions:
    """The options from the JSON of asdict(); missing ones have their defaults.

    TypeError for an unknown one.
    """
    given = {**values}
    if "preprocess" in given:
        given["preprocess"] = tuple(given["preprocess"])
    return RecognitionOptions(**given)
