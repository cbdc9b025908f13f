"""One image from its bytes to the result of a model on another server."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import time
from collections.abc import Sequence

from ocr_engine.errors import BackendFailed, NotForModels
from ocr_engine.options import RecognitionOptions
from ocr_engine.remote.chat import ChatClient
from ocr_engine.remote.documents import document_of
from ocr_engine.remote.fitting import Target
from ocr_engine.remote.kinds.kind import Fields, Place, SentImage
from ocr_engine.remote.kinds.registry import KINDS
from ocr_engine.remote.orders import Order, Prepared
from ocr_engine.remote.parts import BadAnswer
from ocr_engine.remote.preparing import Preparers
from ocr_engine.remote.spec import RemoteSet
from ocr_engine.result import Recognition

log = logging.getLogger(__name__)


class RemoteReader:
    """Reads images with the models of one set."""

    def __init__(self, remote: RemoteSet, preparers: Preparers, chat: ChatClient) -> None:
        self._remote = remote
        self._preparers = preparers
        self._chat = chat
        self._kind = KINDS[remote.kind]

    def check(self, options: RecognitionOptions) -> None:
        """NotForModels for an option that these models cannot follow."""
        refused = {
            "use_det": not options.use_det,
            "use_rec": not options.use_rec,
            "format": options.draw,
            "preprocess": "deskew" in options.preprocess,
        }
        for name, is_refused in refused.items():
            if is_refused:
                what = {"format": "image", "preprocess": "deskew"}.get(name, "false")
                raise NotForModels(
                    f"{name} = {what} is not for the models {self._remote.name}, which are on "
                    "another server"
                )

    async def read(self, image: bytes, options: RecognitionOptions, deadline: float) -> Recognition:
        """The result; EngineError. deadline: of the event loop's clock."""
        session = _Session(self._remote, self._preparers, self._chat, image, options, deadline)
        begun = time.perf_counter()
        try:
            parts = await self._kind.read(session)
        except BadAnswer as error:
            log.warning("models %s: %s", self._remote.name, error)
            raise BackendFailed(
                f"the answer of the models {self._remote.name} is not in their grammar: {error}"
            ) from None
        seconds = time.perf_counter() - begun
        page = session.prepared
        assert page is not None, "each kind asks for the page first"
        document = document_of(
            parts,
            (page.width, page.height),
            session.angle,
            page.frames,
            page.scaled_to,
        )
        prepared = session.prepare_seconds
        return Recognition(document, {"decode": prepared, "remote": max(0.0, seconds - prepared)})


class _Session:
    """The work on one image; see Session."""

    def __init__(
        self,
        remote: RemoteSet,
        preparers: Preparers,
        chat: ChatClient,
        image: bytes,
        options: RecognitionOptions,
        deadline: float,
    ) -> None:
        self.prompt = remote.prompt
        self.angle = int(options.orientation) if options.orientation.isdigit() else 0
        self.prepared: Prepared | None = None
        self.prepare_seconds = 0.0
        self._remote = remote
        self._preparers = preparers
        self._chat = chat
        self._image = image
        self._options = options
        self._deadline = deadline

    async def page(self, target: Target) -> SentImage:
        """See Session."""
        self.prepared = await self._prepare(target)
        return self.prepared.images[0]

    async def crops(self, places: Sequence[Place], target: Target) -> list[SentImage]:
        """See Session."""
        return list((await self._prepare(target, tuple(places))).images)

    async def ask(self, image: SentImage, prompt: str, fields: Fields, system: str = "") -> str:
        """See Session."""
        return await self._chat.ask(image, prompt, fields, system, self._deadline)

    async def _prepare(self, target: Target, places: tuple[Place, ...] = ()) -> Prepared:
        begun = asyncio.get_running_loop().time()
        options = self._options
        order = Order(
            self._limited(target), options.max_side, self.angle, options.preprocess, places
        )
        try:
            return await self._preparers.prepare(self._image, order)
        finally:
            self.prepare_seconds += asyncio.get_running_loop().time() - begun

    def _limited(self, target: Target) -> Target:
        """With the pixel limits of the settings."""
        return dataclasses.replace(
            target,
            max_pixels=self._remote.max_pixels or target.max_pixels,
            min_pixels=self._remote.min_pixels or target.min_pixels,
        )
