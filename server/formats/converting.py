"""Formats that are written from the image again, in processes of their own."""

from __future__ import annotations

import asyncio

from server.errors import BadField
from server.formats.answer import Answer
from server.formats.registry import OUTPUT_FORMATS
from server.formats.rendering import Rendering


class Converter:
    """Converts answers to such formats, a few at a time; at_once: how many."""

    def __init__(self, at_once: int) -> None:
        self._turns = asyncio.Semaphore(at_once)

    async def converted(self, answer: Answer, rendering: Rendering) -> Answer:
        """The answer as its format needs it; itself for most formats.

        BadField if the image is needed and not there; the errors of the conversion.
        """
        row = OUTPUT_FORMATS[rendering.format]
        if row.convert is None:
            return answer
        if answer.image is None:
            raise BadField(
                f"format = {row.name}: it is made of the image, which is not kept with this "
                f"result; send the image with format={row.name}"
            )
        async with self._turns:
            return await row.convert(answer, rendering)
