"""Any vision model that is asked for plain text; it does not say where the text is."""

from __future__ import annotations

from typing import ClassVar

from ocr_engine.remote.kinds.kind import AskedOnce, Fields, SentImage
from ocr_engine.remote.parts import Part


class PlainText(AskedOnce):
    """The answer is the text of the image, without positions."""

    prompt = (
        "Read all text in this image, line by line in reading order. Answer with this text only, "
        "without comments, formatting or translation. If there is no text, answer with nothing."
    )
    fields: ClassVar[Fields] = {"temperature": 0, "max_tokens": 4096}

    def parse(self, answer: str, image: SentImage) -> list[Part]:
        """See AskedOnce."""
        return [Part(answer)] if answer.strip() else []
