"""Requests of jobs as they are stored, also by other versions of the server."""

from __future__ import annotations

import json

from cache.keys import digest
from ocr_engine.options import RecognitionOptions
from server.formats.rendering import Rendering
from server.intake.request import OcrRequest
from server.jobs.stored_request import StoredImage, rendering_of, restored, stored


async def _read() -> bytes:
    return b"an image"


IMAGE = StoredImage(8, digest(b"an image"), _read)
OPTIONS = RecognitionOptions(det_db_thresh=0.25, drop_score=0.0, shown_score=0.7)
RENDERING = Rendering("text", "raster", "rows", layout=True, drop_score=0.25)


def test_a_request_is_restored() -> None:
    text = stored(OcrRequest(IMAGE, OPTIONS, rendering=RENDERING, read_cache=False))
    again = restored(text, IMAGE, 5.0)
    assert (again.options, again.read_cache, again.timeout_seconds) == (OPTIONS, False, 5.0)
    assert rendering_of(text, "text") == RENDERING


def test_earlier_versions_stored_only_the_format() -> None:
    options = {"det_db_thresh": 0.25, "drop_score": 0.6, "gone": 1}
    text = json.dumps({"options": options, "read_cache": True})
    assert rendering_of(text, "legacy") == Rendering("legacy")
    expected = RecognitionOptions(det_db_thresh=0.25, drop_score=0.6)
    assert restored(text, IMAGE, None).options == expected


def test_an_expired_job_has_its_format_only() -> None:
    assert rendering_of("", "hocr") == Rendering("hocr")


def test_later_versions_may_store_more() -> None:
    text = json.dumps({"options": {}, "read_cache": True, "rendering": {"order": "raster", "x": 1}})
    assert rendering_of(text, "json") == Rendering(order="raster")
