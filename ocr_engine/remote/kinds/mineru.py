"""MinerU 2.5: finds the blocks of a page first, and then reads each of them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from typing import Any

from ocr_engine.remote.fitting import Target
from ocr_engine.remote.kinds.kind import Fields, Place, SentImage, Session
from ocr_engine.remote.parts import BadAnswer, Part, level_corners
from ocr_engine.result import BlockType

SYSTEM = "You are a helpful assistant."
LAYOUT_PROMPT = "\nLayout Detection:"
PROMPTS = {"table": "\nTable Recognition:", "equation": "\nFormula Recognition:"}
TEXT_PROMPT = "\nText Recognition:"
LAYOUT = Target(exact=(1036, 1036), media="png")
CROP = Target(least_side=28, widest=50, media="png")
MAX_BLOCKS = 1000

_BLOCK = re.compile(
    r"<\|box_start\|>(\d{1,4})\s+(\d{1,4})\s+(\d{1,4})\s+(\d{1,4})<\|box_end\|>"
    r"<\|ref_start\|>(\w{1,40})<\|ref_end\|>((?:<\|\w{1,40}\|>)*)"
)
_TURNS = {"<|rotate_right|>": 90, "<|rotate_down|>": 180, "<|rotate_left|>": 270}
_UNREAD = ("image", "chart", "list", "equation_block", "image_block")  # their parts are read
_TYPES: dict[str, BlockType] = {
    "title": "title",
    "table": "table",
    "list_item": "list",
    "header": "header",
    "footer": "footer",
    "page_number": "footer",
    "page_footnote": "footer",
}


class MinerU:
    """Two steps; the settings' prompt replaces that for text."""

    async def read(self, session: Session) -> list[Part]:
        """See Kind."""
        page = await session.page(LAYOUT)
        answer = await session.ask(page, LAYOUT_PROMPT, _fields(0.0, 0.0), SYSTEM)
        blocks = _blocks(answer)
        if not blocks:
            return []
        crops = await session.crops([place for _, place in blocks], CROP)
        texts = await _all_texts(session, blocks, crops)
        return [
            Part(
                text.strip(),
                level_corners(place.left, place.top, place.right, place.bottom),
                _TYPES.get(name, "text"),
                level=int(name == "title"),
            )
            for (name, place), text in zip(blocks, texts, strict=True)
            if text.strip()
        ]


async def _all_texts(
    session: Session, blocks: Sequence[tuple[str, Place]], crops: Sequence[SentImage]
) -> list[str]:
    """The texts of all blocks; if one of them fails, the others are given up."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(_text(session, name, crop))
                for (name, _), crop in zip(blocks, crops, strict=True)
            ]
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from None
    return [task.result() for task in tasks]


async def _text(session: Session, name: str, crop: SentImage) -> str:
    default = TEXT_PROMPT if session.prompt is None else session.prompt
    fields = _fields(1.0, 0.005 if name == "table" else 0.05)
    return await session.ask(crop, PROMPTS.get(name, default), fields, SYSTEM)


def _fields(presence: float, frequency: float) -> Fields:
    fields: dict[str, Any] = {
        "temperature": 0,
        "top_p": 0.01,
        "top_k": 1,
        "presence_penalty": presence,
        "frequency_penalty": frequency,
        "repetition_penalty": 1.0,
        "skip_special_tokens": False,
        "vllm_xargs": {"no_repeat_ngram_size": 100},
    }
    return fields


def _blocks(answer: str) -> list[tuple[str, Place]]:
    """The type and place of each block that is to be read; BadAnswer if there is no block at all.

    An empty page is answered with nothing.
    """
    found = list(_BLOCK.finditer(answer))
    if not found and answer.strip().replace("<|im_end|>", ""):
        raise BadAnswer("the layout has no blocks")
    if len(found) > MAX_BLOCKS:
        raise BadAnswer(f"the layout has more than {MAX_BLOCKS} blocks")
    blocks = []
    for match in found:
        numbers = [int(match[number]) / 1000 for number in range(1, 5)]
        (left, top), _, (right, bottom), _ = level_corners(*numbers)
        name = match[5].lower()
        turn = next((turn for mark, turn in _TURNS.items() if mark in match[6]), 0)
        if name not in _UNREAD and left < right and top < bottom:
            blocks.append((name, Place(left, top, right, bottom, turn)))
    return blocks
