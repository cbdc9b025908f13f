"""The path of a request: digests, cache, coalescing, recognition, and storing the result.

Independent of Tornado. Everything runs on the event loop; blocking work runs in threads.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping

from cache.kept_file import KeptResult
from cache.keys import Digests
from cache.result_cache import ResultCache
from cache.stored_result import StoredResult
from cache.written_files import WrittenFiles
from ocr_engine.engine import ANONYMOUS_USER, DEFAULT_TURN, Engine, EngineTask, Turn
from ocr_engine.errors import PoolDraining
from ocr_engine.options import RecognitionOptions
from ocr_engine.result import EncodedRecognition, Recognition
from ocr_engine.tracing import note
from server.formats.answer import Answer, CacheOutcome
from server.formats.converting import ConvertedDocument
from server.formats.stored import encode_result
from server.intake.request import ImageBytes, ImageSource, OcrRequest
from server.operations.metrics import Metrics
from server.service.admission import Admission
from server.service.degrading import Degrading
from server.service.digesting import Digester
from server.service.flights import Flight, FlightIdentity, Ticket
from server.service.inflight import InflightBytes
from server.service.owned_results import OwnedResults
from server.service.quarantine import Quarantine
from server.service.sharing import Found, Sharing


class OcrService:
    """Answers requests from the cache, from flights or from the engine; called by the handlers.

    private, when_erased, sharing, files: see OwnedResults; by default, no files are kept.
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
        sharing: Sharing | None = None,
        files: WrittenFiles[ConvertedDocument] | None = None,
    ) -> None:
        self.engine = engine
        self.files = WrittenFiles(0, 0) if files is None else files
        self.cache = cache
        self.digester = digester
        self._inflight = inflight
        self._metrics = metrics
        self.results = OwnedResults(
            engine, cache, digester.recent, self.files, private, when_erased, sharing
        )
        self._flights: dict[FlightIdentity, Flight] = {}
        self._quarantine = Quarantine()
        self._admission = Admission(engine, max_pixels, self._quarantine, degrading, sharing)
        self._completions: set[asyncio.Task[None]] = set()

    def recall(self, request: OcrRequest, user: str = ANONYMOUS_USER) -> Ticket | None:
        """The cached answer, if the digests are known without reading the image; never waits."""
        owner = self.results.owner(user)
        known = request.source.known_digests(owner)
        return self._hit(known, request, owner) if known is not None else None

    async def submit(self, request: OcrRequest, turn: Turn = DEFAULT_TURN) -> Ticket:
        """Find or start the work for a request; raises ServiceError or EngineError."""
        source = request.source
        try:
            await source.open()
            hit = None
            if not request.keep_image:
                hit = self.recall(request, turn.user) or await self._joined(request, turn)
            if hit is not None:
                return hit
            image = await self._read(source, turn.user)
        finally:
            source.close()
        ticket = await self._submit_image(image, request, turn)
        if request.keep_image:
            ticket.keep(_file(image))
        return ticket

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
        self._admission.check_size(data, request.options)
        digests = image.digests or await self.digester.compute(data)
        key = self.results.key(digests.md5, request.options, self.results.owner(user))
        self._quarantine.check((key, digests.sha256))
        return data, digests

    def in_flight(self) -> int:
        """How many recognitions are in progress."""
        return len(self._flights)

    async def _read(self, source: ImageSource, user: str) -> ImageBytes:
        with self._inflight.reserve(source.bytes_to_read()):
            return await source.read(self.results.owner(user))

    async def _submit_image(self, image: ImageBytes, request: OcrRequest, turn: Turn) -> Ticket:
        if image.digests is not None:
            if image.recognition is not None:
                return await self._keep(image, image.recognition, image.digests, request, turn)
            return await self._join_or_start(image, image.digests, request, turn)
        data = _file(image)
        digests = await self.digester.compute(data)
        ticket = await self._join_or_start(image, digests, request, turn)
        if ticket.outcome != "miss":
            self.digester.remember(data, digests, self.results.owner(turn.user))
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
            self.results.key(digests.md5, request.options, self.results.owner(turn.user)),
            digests,
            result,
        )
        self._metrics.cache_results["miss"] += 1
        return Ticket("miss", digests, ready=Answer(result, digests, recognition.stages))

    async def _joined(self, request: OcrRequest, turn: Turn) -> Ticket | None:
        """The flight of an image that need not be read for that, as its digests are known."""
        owner = self.results.owner(turn.user)
        known = request.source.known_digests(owner)
        if known is None:
            return None
        identity = (self.results.key(known.md5, request.options, owner), known.sha256)
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
        owner = self.results.owner(turn.user)
        hit = self._hit(digests, request, owner)
        if hit is not None:
            return hit
        identity = (self.results.key(digests.md5, request.options, owner), digests.sha256)
        self._quarantine.check(identity)
        if identity not in self._flights:
            smaller = self._admission.degraded(request, image.data, turn)
            if smaller is not None:
                return await self._join_or_start(image, digests, smaller, turn)
        flight = self._flights.get(identity)
        outcome: CacheOutcome = "joined"
        if flight is None:
            outcome = "miss"
            flight = self._flights[identity] = Flight(identity, self.engine, self._abandon)
        ticket = Ticket(outcome, digests, flight, timeout_seconds=request.timeout_seconds)
        try:
            if outcome == "miss":
                ticket.outcome = await self._start(flight, image, digests, request, turn)
            else:
                await flight.join(turn)
        except BaseException:
            ticket.leave()
            raise
        self._metrics.cache_results[ticket.outcome] += 1
        return ticket

    async def _start(
        self, flight: Flight, image: ImageBytes, digests: Digests, request: OcrRequest, turn: Turn
    ) -> CacheOutcome:
        """Submit the image and follow its task; raises the error if it is refused.

        Returns whether another server has the result, or is reading the image.
        """
        try:
            task = await self._admission.submit(flight.identity, image.data, request, turn)
        except Exception as error:
            self._refuse(flight, error)
            raise
        except asyncio.CancelledError:
            self._refuse(flight, PoolDraining("the work was cancelled"))
            raise
        if isinstance(task, Found):
            self._found(flight, digests, task)
            return "hit"
        flight.begin(task)
        following = self._complete(flight, task, digests, request.options, image.artifacts)
        completion = asyncio.ensure_future(following)
        self._completions.add(completion)
        completion.add_done_callback(self._completions.discard)
        return "joined" if self._admission.has_joined(task) else "miss"

    def _hit(self, digests: Digests, request: OcrRequest, owner: str) -> Ticket | None:
        if not request.read_cache:
            return None
        kept = self.cache.get(self.results.key(digests.md5, request.options, owner), digests.sha256)
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
            began = time.monotonic()
            if isinstance(recognition, EncodedRecognition):
                result = StoredResult(recognition.json, recognition.artifacts)
            else:
                result = await encode_result(recognition, options.shown_score, artifacts)
            self.cache.put(identity[0], digests, result)
            note("store", began)
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

    def _found(self, flight: Flight, digests: Digests, found: Found) -> None:
        """Answer a flight with the result of another server."""
        key = flight.identity[0]
        self.cache.restore(KeptResult(key, digests.sha256, found.result, found.age))
        del self._flights[flight.identity]
        flight.found(Answer(found.result, digests, age=found.age))

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
