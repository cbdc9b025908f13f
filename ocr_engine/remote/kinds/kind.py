"""The interface of a kind of model, and what those share that are asked once for an image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from ocr_engine.remote.fitting import Target
from ocr_engine.remote.parts import Part

Fields = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class SentImage:
    """An image as it is sent: width and height in pixels, media type, base64."""

    width: int
    height: int
    media_type: str
    base64: bytes


@dataclass(frozen=True, slots=True)
class Place:
    """A part of the image, in fractions of its width and height.

    turn: degrees by which it must be rotated counter-clockwise to be upright.
    """

    left: float
    top: float
    right: float
    bottom: float
    turn: int = 0


class Session(Protocol):
    """The work on one image, as a kind sees it."""

    @property
    def prompt(self) -> str | None:
        """The prompt of the settings; None for that of the kind."""

    async def page(self, target: Target) -> SentImage:
        """The whole image, as the model takes it."""

    async def crops(self, places: Sequence[Place], target: Target) -> list[SentImage]:
        """Parts of the image, as the model takes them."""

    async def ask(self, image: SentImage, prompt: str, fields: Fields, system: str = "") -> str:
        """The model's answer; fields: of the request, in addition to model and messages."""


class Kind(Protocol):
    """A kind of model."""

    async def read(self, session: Session) -> list[Part]:
        """Read one image; BadAnswer if the model's answer cannot be understood."""


class AskedOnce:
    """A model that gets the whole image with one prompt.

    prompt: the default one. fields: of the request. target: what it takes.
    """

    prompt = ""
    fields: ClassVar[Fields] = {}
    target = Target()

    async def read(self, session: Session) -> list[Part]:
        """See Kind."""
        prompt = self.prompt if session.prompt is None else session.prompt
        image = await session.page(self.target_for(prompt))
        answer = await session.ask(image, self.sent_prompt(prompt), self.fields_for(prompt))
        return self.parse(answer, image)

    def sent_prompt(self, prompt: str) -> str:
        """What is sent for a prompt."""
        return prompt

    def target_for(self, prompt: str) -> Target:
        """What the model takes with this prompt."""
        return self.target

    def fields_for(self, prompt: str) -> Fields:
        """The fields of a request with this prompt."""
        return self.fields

    def parse(self, answer: str, image: SentImage) -> list[Part]:
        """What the model has read; BadAnswer."""
        raise NotImplementedError
