"""What a request may contain: an image, and options under the names of the server's API."""

from __future__ import annotations

import os
from typing import Literal, TypedDict


class ImageUrl(str):
    """An image that the server fetches from this URL, if it is allowed to."""

    __slots__ = ()


class ServerFile(str):
    """An image file on the server, by its path in one of the server's folders."""

    __slots__ = ()


# The bytes of an image, the path of a file on this machine, or one of the classes above.
Image = bytes | os.PathLike[str] | ImageUrl | ServerFile


class Options(TypedDict, total=False):
    """Options of a recognition and of its result; docs/api.md of the server describes them."""

    models: str
    orientation: Literal["auto", "off", "0", "90", "180", "270"]
    order: Literal["layout", "raster"]
    text: Literal["lines", "paragraphs", "rows", "code"]
    layout: bool
    granularity: Literal["line", "word", "char"]
    drop_score: float
    preprocess: str
    use_det: bool
    use_rec: bool
    use_angle_cls: bool
    det_limit_side_len: int
    det_limit_type: Literal["auto", "min", "max"]
    det_db_thresh: float
    det_db_box_thresh: float
    det_db_unclip_ratio: float
    timeout_ms: int
    deadline_seconds: float
    priority: int
    pages: str
    dpi: int
    text_layer: Literal["ocr", "auto", "only"]
    password: str
