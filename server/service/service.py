"""A request's way: digests, cache, join what is in flight, or admit to the pool; then store.

Knows no Tornado. Everything runs on the event loop; what blocks goes to a thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools

from cache.keys import CacheKey, Digests
from cache.recent_pictures import RecentPictures
from cache.result_cache import CachedResult, ResultCache
from ocr_engine.engine import Engine
from ocr_engine.errors import PoolDraining
from ocr_engine.options import RecognitionOptions
from ocr_engine.picture_header import check_size, read_header
from server.answer import Answer, CacheOutcome
from server.encoding import encode_result
from server.intake import uploads
from server.intake.body import Upload
from server.intake.file_roots import FileRoots
from server.intake.request_fields import Base64Text, NamedFile, OcrRequest
from server.metrics import Metrics
from server.service.digesting import hash_image
from server.service.flights import Flight, FlightIdentity, Ticket
from server.service.inflight import InflightBytes
from server.service.quarantine import Quarantine


class OcrService:
    """What the handlers call. `models` is the fingerprint of engine and models.

    max_recent_bytes: of pictures asked for twice a moment ago, to know them without hashing.
    """

    def __init__(
        self,
        engine: Engine,
        cache: ResultCache,
        files: FileRoots,
        inflight: InflightBytes,
        metrics: Metrics,
        max_pixels: int,
        max_bytes: int,
        max_recent_bytes: int,
    ) -> None:
        self.engine = engine
        self.cache = cache
        self._files = files
        self._inflight = inflight
        self._metrics = metrics
        self._max_pixels = max_pixels
        self._max_bytes = max_bytes
        self._recent = RecentPictures(max_recent_bytes)
        self._flights: dict[FlightIdentity, Flight] = {}
        self._quarantine = Quarantine()
        self._landings: set[asyncio.Task[None]] = set()

    def recall(self, request: OcrRequest) -> Ticket | None:
        """A hit for an upload whose answer was sent a moment ago: known by its bytes, at once."""
        source = request.source
        known = self._recent.digests(source.data) if isinstance(source, Upload) else None
        return self._hit(known, request) if known is not None else None

    async def submit(self, request: OcrRequest) -> Ticket:
        """Find or start the work for a request; raises ServiceError or EngineError."""
        source = request.source
        if isinstance(source, NamedFile):
            return await self._submit_file(source, request)
        if isinstance(source, Base64Text):
            source = await uploads.from_base64(source.text, self._max_bytes)
        return await self._submit_upload(source, request)

    def find(self, md5: str, options: RecognitionOptions) -> CachedResult | None:
        """A kept result by the picture's MD5."""
        return self.cache.get(self._key(md5, options))

    def in_flight(self) -> int:
        """How many recognitions are under way."""
        return len(self._flights)

    async def _submit_file(self, source: NamedFile, request: OcrRequest) -> Ticket:
        opened = await asyncio.to_thread(self._files.open, source.path)
        try:
            known = self._files.known_digests(opened)
            if known is not None:
                hit = self._hit(known, request)
                if hit is not None:
                    return hit
            self._inflight.check(opened.identity.size)
            upload = await asyncio.to_thread(self._files.read, opened)
            if upload.digests is not None:
                self._files.remember(opened, upload.digests)
        finally:
            opened.close()
        return await self._submit_upload(upload, request)

    async def _submit_upload(self, upload: Upload, request: OcrRequest) -> Ticket:
        """Know the picture by its bytes if it was asked for twice a moment ago, else hash it."""
        digests = upload.digests or self._recent.digests(upload.data)
        if digests is not None:
            return self._submit_digested(upload.data, digests, request)
        digests = await hash_image(upload.data)
        ticket = self._submit_digested(upload.data, digests, request)
        if ticket.outcome != "miss":
            self._recent.remember(upload.data, digests)
        return ticket

    def _submit_digested(self, data: bytes, digests: Digests, request: OcrRequest) -> Ticket:
        """From digests to a ticket without a pause, so that equal requests cannot pass by."""
        hit = self._hit(digests, request)
        if hit is not None:
            return hit
        identity = (self._key(digests.md5, request.options), digests.sha256)
        self._quarantine.check(identity)
        flight = self._flights.get(identity)
        outcome: CacheOutcome = "joined"
        if flight is None:
            outcome = "miss"
            check_size(read_header(data), self._max_pixels)
            task = self.engine.submit(
                data,
                request.options,
                patience=request.timeout_seconds,
                read_before=self._quarantine.is_harmless(identity),
            )
            flight = Flight(identity, task, self.engine, self._abandon)
            self._flights[identity] = flight
            landing = asyncio.ensure_future(self._land(flight, digests))
            self._landings.add(landing)
            landing.add_done_callback(self._landings.discard)
        self._metrics.cache_results[outcome] += 1
        return Ticket(outcome, digests, flight, timeout_seconds=request.timeout_seconds)

    def _hit(self, digests: Digests, request: OcrRequest) -> Ticket | None:
        if not request.read_cache:
            return None
        kept = self.cache.get(self._key(digests.md5, request.options), digests.sha256)
        if kept is None:
            return None
        self._metrics.cache_results["hit"] += 1
        answer = Answer(kept.data, digests, age=self.cache.age(kept))
        return Ticket("hit", digests, ready=answer)

    async def _land(self, flight: Flight, digests: Digests) -> None:
        """Wait for the pool, encode once, store, and hand the answer to all who wait."""
        try:
            recognition = await flight.task.future
            self._metrics.count_recognition(recognition.stages)
            self._quarantine.was_read(flight.identity)
            data = await encode_result(recognition)
            self.cache.put(flight.identity[0], digests, data)
            flight.answer.set_result(Answer(data, digests, recognition.stages))
        except asyncio.CancelledError:
            flight.answer.set_exception(PoolDraining("the work was cancelled"))
            raise
        except Exception as error:
            self._quarantine.failed(flight.identity, error)
            flight.answer.set_exception(error)
        finally:
            if self._flights.get(flight.identity) is flight:
                del self._flights[flight.identity]
            with contextlib.suppress(BaseException):
                flight.answer.exception()  # nobody may be waiting any more

    def _abandon(self, flight: Flight, stop_running: bool) -> None:
        """Nobody waits any more: end the work if that is possible, and let nobody join it."""
        if self.engine.cancel(flight.task, stop_running):
            self._flights.pop(flight.identity, None)

    def _key(self, md5: str, options: RecognitionOptions) -> CacheKey:
        return CacheKey(md5, _fingerprint(options), self.engine.fingerprint)


@functools.lru_cache(maxsize=256)
def _fingerprint(options: RecognitionOptions) -> str:
    return options.fingerprint()
