"""Real engines in workers whose address space is limited: an error, never an older answer."""

from __future__ import annotations

import asyncio
import functools
import io
from pathlib import Path

import pytest
from PIL import Image

from ocr_engine.errors import ImageTooComplex
from ocr_engine.models.directory import ModelChoice, resolve_models
from ocr_engine.options import RecognitionOptions
from ocr_engine.pool.spec import PoolSpec, SupervisorSpec
from ocr_engine.recognizer import EngineName, EngineSettings, load_recognizer
from ocr_engine.worker.spec import WorkerSpec
from tests.support.pools import one_set, whole

SIGN = Path(__file__).parents[1] / "data" / "pages" / "sign_en_parking.png"

# MiB that a worker may use beyond its start, and the side of a page that needs more; the sign needs
# less. With 400, OpenVINO fails in another place with another message.
LIMITS = [
    ("openvino", 300, 1500),
    ("openvino", 400, 2000),
    ("onnxruntime", 200, 2000),
    ("paddle", 700, 3000),
    ("paddleocr", 200, 1500),
]
AT_FULL_SIZE = RecognitionOptions(det_limit_type="min")  # its letters are large


def large_page(side: int) -> bytes:
    """A square page with a large sign."""
    sign = Image.open(SIGN).convert("RGB")
    page = Image.new("RGB", (side, side), "white")
    page.paste(sign.resize((side * 28 // 30, side * 13 // 30)), (side // 30, side // 30))
    encoded = io.BytesIO()
    page.save(encoded, "PNG", compress_level=1)
    return encoded.getvalue()


@pytest.mark.slow
@pytest.mark.parametrize(("engine", "limit_mb", "side"), LIMITS)
def test_an_image_that_takes_too_much_memory_is_refused(
    engine: EngineName, limit_mb: int, side: int
) -> None:
    settings = EngineSettings(engine, resolve_models(ModelChoice(), engine))
    load = functools.partial(load_recognizer, settings)
    workers = SupervisorSpec(1, WorkerSpec(one_set(load), task_memory_mb=limit_mb))

    async def scenario() -> None:
        async with whole(PoolSpec(workers)) as pool:
            sign = SIGN.read_bytes()
            before = await pool.submit(sign, RecognitionOptions()).future
            with pytest.raises(ImageTooComplex):
                await pool.submit(large_page(side), AT_FULL_SIZE).future
            after = await pool.submit(sign, RecognitionOptions()).future
            assert after.result == before.result
            assert after.result.lines
            assert pool.supervisor.restarts == {"out_of_memory": 1}

    asyncio.run(scenario())
