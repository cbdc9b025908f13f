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
from ocr_engine.pool.pool import PoolSpec
from ocr_engine.pool.supervisor import SupervisorSpec
from ocr_engine.recognizer import EngineName, EngineSettings, load_recognizer
from ocr_engine.worker.spec import WorkerSpec
from tests.support.pools import whole

SIGN = Path(__file__).parents[1] / "data" / "pages" / "sign_en_parking.png"
TASK_MEMORY_MB = 700


def large_page() -> bytes:
    """A page whose detection needs more than TASK_MEMORY_MB."""
    sign = Image.open(SIGN).convert("RGB")
    page = Image.new("RGB", (3000, 3000), "white")
    page.paste(sign.resize((2800, 1300)), (100, 100))
    encoded = io.BytesIO()
    page.save(encoded, "PNG", compress_level=1)
    return encoded.getvalue()


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["openvino", "onnxruntime", "paddle", "paddleocr"])
def test_an_image_that_takes_too_much_memory_is_refused(engine: EngineName) -> None:
    settings = EngineSettings(engine, resolve_models(ModelChoice(), engine))
    load = functools.partial(load_recognizer, settings)
    workers = SupervisorSpec(1, WorkerSpec(load, task_memory_mb=TASK_MEMORY_MB))

    async def scenario() -> None:
        async with whole(PoolSpec(workers)) as pool:
            sign = SIGN.read_bytes()
            before = await pool.submit(sign, RecognitionOptions()).future
            with pytest.raises(ImageTooComplex):
                await pool.submit(large_page(), RecognitionOptions()).future
            after = await pool.submit(sign, RecognitionOptions()).future
            assert after.result == before.result
            assert after.result.lines
            assert pool.supervisor.restarts == {"out_of_memory": 1}

    asyncio.run(scenario())
