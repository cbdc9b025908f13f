"""The path of a request: digests, cache, coalescing, recognition, and storing the result.

Independent of Tornado. Everything runs on the event loop; blocking work runs in threads.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace

from cache.keys import Digests
from cache.result_cache import CachedResult, ResultCache
from ocr_engine.engine import ANONYMOUS_USER, DEFAULT_TURN, Engine, EngineTask, Turn
from ocr_engine.errors import PoolDraining
from ocr_engine.images.header import check_size, read_header
from ocr_engine.images.pixels import ImageData
from ocr_engine.options import RecognitionOptions
from ocr_engine.result import Recognition
from server.formats.answer import Answer, CacheOutcome
from server.formats.stored import encode_result
from server.intake.request import ImageBytes, ImageSource, OcrRequest
from server.operations.metrics import Metrics
from server.service.degrading import Degrading
from server.service.digesting import Digester
from server.service.flights import Flight, FlightIdentity, Ticket
from server.service.inflight import InflightBytes
from server.service.quarantine import Quarantine
from server.service.result_keys import ResultKeys


class OcrService:
    """Answers requests from the cache, from flights or from the engine; called by the handlers.

    private: each user finds only its own results, flights and images; otherwise all users share
    them (cache.scope). Users: as in Turn. when_erased: called when results are erased, so that
    copies that are kept elsewhere are deleted.
    """

    def __init__(
        self,
        engine: Engine,
        cache: ResultCache,
        digester: Digester,
        inflight: InflightBytes,
        metrics: Metrics,
        max_pixels: int,
        degrading: Degrading | None = None,
        private: bool = True,
        when_erased: Callable[[], None] | None = None,
    ) -> None:
        self.engine = engine
        self.cache = cache
        self.digester = digester
        self._inflight = inflight
        self._metrics = metrics
        self._max_pixels = max_pixels
        self._degrading = degrading
        self.keys = ResultKeys(engine, private)
        self._when_erased = when_erased
        self._flights: dict[FlightIdentity, Flight] = {}
        self._quarantine = Quarantine()
        self._completions: set[asyncio.Task[None]] = set()

    def recall(self, request: OcrRequest, user: str = ANONYMOUS_USER) -> Ticket | None:
        """The cached answer, if the digests are known without reading the image; never waits."""
        owner = self.keys.owner(user)
        known = request.source.known_digests(owner)
        return self._hit(known, request, owner) if known is not None else None

    async def submit(self, request: OcrRequest, turn: Turn = DEFAULT_TURN) -> Ticket:
        """Find or start the work for a request; raises ServiceError or EngineError."""
        source = request.source
        try:
            await source.open()
            hit = self.recall(request, turn.user) or await self._joined(request, turn)
            if hit is not None:
                return hit
            image = await self._read(source, turn.user)
        finally:
            source.close()
        return await self._submit_image(image, request, turn)

    async def identify(self, request: OcrRequest, user: str) -> tuple[bytes, Digests]:
        """The image of this user, to be submitted later, and its digests.

        Of the errors of submit(), it raises those that do not pass with time: errors of the source
        and of the image.
        """
        source = request.source
        try:
            await source.open()
            image = await self._read(source, user)
        finally:
            source.close()
        data = _file(image)
        check_size(read_header(data), self._max_pixels, request.options.max_side)
        digests = image.digests or await self.digester.compute(data)
        key = self.keys.key(digests.md5, request.options, self.keys.owner(user))
        self._quarantine.check((key, digests.sha256))
        return data, digests

    def find(
        self, md5: str, options: RecognitionOptions, user: str = ANONYMOUS_USER
    ) -> CachedResult | None:
        """A cached result of this user by the image's MD5."""
        return self.cache.get(self.keys.key(md5, options, self.keys.owner(user)))

    @property
    def shares_results(self) -> bool:
        """Whether results belong to all users."""
        return not self.keys.private

    def erase(self, user: str, md5: str | None = None) -> bool:
        """Delete the results and copies of all images of a user, or of the image with this MD5.

        False if there is no result. With a shared cache, results belong to all users, so nothing is
        deleted without an MD5.
        """
        if md5 is None and self.shares_results:
            return False
        owner = self.keys.owner(user)
        self.digester.recent.forget(owner, md5)
        found = self.cache.forget(owner, md5) > 0
        if self._when_erased is not None:
            self._when_erased()
        return found

    def in_flight(self) -> int:
        """How many recognitions are in progress."""
        return len(self._flights)

    async def _read(self, source: ImageSource, user: str) -> ImageBytes:
        if more := source.bytes_to_read():
            self._inflight.check(more)
        return await source.read(self.keys.owner(user))

    async def _submit_image(self, image: ImageBytes, request: OcrRequest, turn: Turn) -> Ticket:
        if image.digests is not None:
            if image.recognition is not None:
                return await self._keep(image, image.recognition, image.digests, request, turn)
            return await self._join_or_start(image, image.digests, request, turn)
        data = _file(image)
        digests = await self.digester.compute(data)
        ticket = await self._join_or_start(image, digests, request, turn)
        if ticket.outcome != "miss":
            self.digester.remember(data, digests, self.keys.owner(turn.user))
        return ticket

    async def _keep(
        self,
        image: ImageBytes,
        recognition: Recognition,
        digests: Digests,
        request: OcrRequest,
        turn: Turn,
    ) -> Ticket:
        """Store a result that came with its image."""
        result = await encode_result(recognition, request.options.shown_score, image.artifacts)
        self.cache.put(
            self.keys.key(digests.md5, request.options, self.keys.owner(turn.user)), digests, result
        )
        self._metrics.cache_results["miss"] += 1
        return Ticket("miss", digests, ready=Answer(result, digests, recognition.stages))

    async def _joined(self, request: OcrRequest, turn: Turn) -> Ticket | None:
        """The flight of an image that need not be read for that, as its digests are known."""
        owner = self.keys.owner(turn.user)
        known = request.source.known_digests(owner)
        if known is None:
            return None
        identity = (self.keys.key(known.md5, request.options, owner), known.sha256)
        flight = self._flights.get(identity)
        if flight is None:
            return None
        ticket = Ticket("joined", known, flight, timeout_seconds=request.timeout_seconds)
        try:
            await flight.join(turn)
        except BaseException:
            ticket.leave()
            raise
        self._metrics.cache_results["joined"] += 1
        return ticket

    async def _join_or_start(
        self, image: ImageBytes, digests: Digests, request: OcrRequest, turn: Turn
    ) -> Ticket:
        """A ticket for a cache hit or a flight; raises the error if the image is refused.

        Runs without awaiting until the flight is registered, so concurrent identical requests
        are coalesced. A refusal is raised for all requests that have joined.
        """
        owner = self.keys.owner(turn.user)
        hit = self._hit(digests, request, owner)
        if hit is not None:
            return hit
        identity = (self.keys.key(digests.md5, request.options, owner), digests.sha256)
        self._quarantine.check(identity)
        if identity not in self._flights and (smaller := self._degraded(request, image.data, turn)):
            return await self._join_or_start(image, digests, smaller, turn)
        flight = self._flights.get(identity)
        outcome: CacheOutcome = "joined"
        if flight is None:
            outcome = "miss"
            flight = self._flights[identity] = Flight(identity, self.engine, self._abandon)
        ticket = Ticket(outcome, digests, flight, timeout_seconds=request.timeout_seconds)
        try:
            if outcome == "miss":
                await self._start(flight, image, digests, request, turn)
            else:
                await flight.join(turn)
        except BaseException:
            ticket.leave()
            raise
        self._metrics.cache_results[outcome] += 1
        return ticket

    def _degraded(self, request: OcrRequest, data: ImageData, turn: Turn) -> OcrRequest | None:
        """The request for the image in a smaller size, if it is too large for a busy server.

        Images for which nobody waits are not reduced.
        """
        if self._degrading is None or turn.background:
            return None
        check_size(read_header(data), self._max_pixels, request.options.max_side)
        options = self._degrading.options_for(data, request.options)
        return None if options is request.options else replace(request, options=options)

    async def _start(
        self, flight: Flight, image: ImageBytes, digests: Digests, request: OcrRequest, turn: Turn
    ) -> None:
        """Submit the image and follow its task; raises the error if it is refused."""
        try:
            task = await self._admit(flight.identity, image.data, request, turn)
        except Exception as error:
            self._refuse(flight, error)
            raise
        except asyncio.CancelledError:
            self._refuse(flight, PoolDraining("the work was cancelled"))
            raise
        flight.begin(task)
        following = self._complete(flight, task, digests, request.options, image.artifacts)
        completion = asyncio.ensure_future(following)
        self._completions.add(completion)
        completion.add_done_callback(self._completions.discard)

    async def _admit(
        self, identity: FlightIdentity, data: ImageData, request: OcrRequest, turn: Turn
    ) -> EngineTask:
        """Submit an image to the engine; TooManyPixels, QueueFull and similar errors.

        Does not await today, but may: a cache on the network could be asked here, before the
        engine.
        """
        check_size(read_header(data), self._max_pixels, request.options.max_side)
        return self.engine.submit(
            data,
            request.options,
            patience=request.timeout_seconds,
            read_before=self._quarantine.is_harmless(identity),
            turn=turn,
        )

    def _hit(self, digests: Digests, request: OcrRequest, owner: str) -> Ticket | None:
        if not request.read_cache:
            return None
        kept = self.cache.get(self.keys.key(digests.md5, request.options, owner), digests.sha256)
        if kept is None:
            return None
        self._metrics.cache_results["hit"] += 1
        answer = Answer(kept.result, digests, age=self.cache.age(kept))
        return Ticket("hit", digests, ready=answer)

    async def _complete(
        self,
        flight: Flight,
        task: EngineTask,
        digests: Digests,
        options: RecognitionOptions,
        artifacts: Mapping[str, bytes],
    ) -> None:
        """Wait for the engine, encode and cache the result, and answer all that wait."""
        try:
            recognition = await task.future
            self._metrics.count_recognition(recognition.stages, options.degraded)
            identity = _as_read(flight.identity, task)
            self._quarantine.was_read(identity)
            result = await encode_result(recognition, options.shown_score, artifacts)
            self.cache.put(identity[0], digests, result)
            flight.answer.set_result(Answer(result, digests, recognition.stages))
        except asyncio.CancelledError:
            flight.fail(PoolDraining("the work was cancelled"))
            raise
        except Exception as error:
            self._quarantine.failed(_as_read(flight.identity, task), error)
            flight.fail(error)
        finally:
            if self._flights.get(flight.identity) is flight:
                del self._flights[flight.identity]

    def _refuse(self, flight: Flight, error: Exception) -> None:
        """Fail the flight for all that have joined, because the image was refused."""
        del self._flights[flight.identity]
        flight.fail(error)

    def _abandon(self, flight: Flight, stop_running: bool) -> None:
        """Cancel the work if possible, because nobody waits any more; nobody can join it then."""
        if flight.task is not None and self.engine.cancel(flight.task, stop_running):
            self._flights.pop(flight.identity, None)


def _file(image: ImageBytes) -> bytes:
    """The file of an image that is not a page of a document, whose digests would be known."""
    assert isinstance(image.data, bytes)
    return image.data


def _as_read(identity: FlightIdentity, task: EngineTask) -> FlightIdentity:
    """The identity, with the models that have read the image: the default may have changed."""
    key, sha256 = identity
    return key._replace(models=task.fingerprint), sha256
