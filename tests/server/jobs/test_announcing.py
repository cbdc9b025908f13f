"""The message about the end of a job: with its text, if the settings say so."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import pytest
from sqlalchemy import select

from ocr_engine.result import Recognition
from server.database.location import Location
from server.database.tables import DELIVERY
from server.formats.rendering import Rendering
from server.jobs.announcing import announcing
from tests.support.made_pages import DOCUMENT, SHOWN, TEXTS
from tests.support.wards import ANN, Clock, request, ward

URL = "http://receiver.example.org/"


@pytest.mark.parametrize(
    ("rendering", "start"),
    [
        (Rendering(), "\n".join(SHOWN)),
        (Rendering("hocr", drop_score=0.1), "\n".join(TEXTS)),
        (Rendering(text="paragraphs"), "A Trip # 1\nIt rained all the morning, and then\n"),
        (Rendering(order="raster"), "A Trip # 1\nIt rained all the mor-\n我们到了\n"),
    ],
    ids=["plain", "score", "paragraphs", "raster"],
)
def test_the_text_is_joined_as_the_job_asked(
    location: Location, rendering: Rendering, start: str
) -> None:
    async def test() -> str:
        async with ward(location, Clock(), hooks=(announcing(include_text=True),)) as one:
            asked = replace(request("a page"), webhook_url=URL, rendering=rendering)
            job = await one.jobs.accept(asked, ANN)
            task = await one.task("a page")
            task.future.set_result(Recognition(DOCUMENT))
            assert (await one.ended(job)).state == "done"
            async with one.database.read() as connection:
                row = (await connection.execute(select(DELIVERY))).one()
            text: str = json.loads(row.body)["data"]["text"]
            return text

    text = asyncio.run(asyncio.wait_for(test(), 30))
    assert text.startswith(start)
