"""A request's way: digests, cache, join what is in flight, or admit to the pool; then store.

Knows no Tornado. Everything runs on the event loop; what blocks goes to a thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
from typing import Literal

from cache.keys import CacheKey, Digests
from cache.recent_pictures import RecentPictures
from cache.result_cache import CachedResult, ResultCache
from ocr_engine.engine import Engine, EngineTask, TaskState
from ocr_engine.errors import PoolDraining, QueueTimeout, RecognitionTimeout
from ocr_engine.options import RecognitionOptions
from server import uploads
from server.body import Upload
from server.file_roots import FileRoots
from server.formats.answer import Answer, CacheOutcome
from server.formats.stored import encode_result
from server.inflight import InflightBytes
from server.metrics import Metrics
from server.quarantine import FlightIdentity, Quarantine
from server.request_fields import Base64Text, NamedFile, OcrRequest


class Flight:
    """One recognition under way and how many wait for it."""

    def __init__(self, identity: FlightIdentity, task: EngineTask) -> None:
        self.identity = identity
        self.task = task
        self.waiters = 0
        self.answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()


class Ticket:
    """A request's claim on an answer: `await answer()`, or leave()."""

    def __init__(
        self,
        outcome: CacheOutcome,
        digests: Digests,
        service: OcrService,
        flight: Flight | None = None,
        ready: Answer | None = None,
        timeout_seconds: float | None = None,
    ) -> None:
        self.outcome = outcome
        self.digests = digests
        self._service = service
        self._flight = flight
        self.ready = ready  # the answer, if it was there already: a hit
        self._timeout = timeout_seconds
        self._waiting: asyncio.Future[Answer] | None = None
        if flight is not None:
            flight.waiters += 1

    @property
    def state(self) -> Literal["queued", "running", "done"]:
        """Where the work is."""
        if self._flight is None or self._flight.answer.done():
            return "done"
        return "queued" if self._flight.task.state is TaskState.QUEUED else "running"

    @property
    def position(self) -> int:
        """The place in the backlog, 1 being next; 0 if it does not wait."""
        return self._service.engine.position(self._flight.task) if self._flight else 0

    async def answer(self) -> Answer:
        """Wait for the answer; raises what the recognition raised, or a timeout of its own.

        CancelledError after leave().
        """
        if self.ready is not None:
            return self.ready
        if self._flight is None:
            raise asyncio.CancelledError
        self._waiting = asyncio.shield(self._flight.answer)
        try:
            return await asyncio.wait_for(self._waiting, self._timeout)
        except TimeoutError:
            raise self._overdue() from None
        finally:
            self._leave_flight(stop_running=False)

    def leave(self, stop_running: bool = False) -> None:
        """Give the claim up: queued work that nobody else waits for is dropped.

        Running work finishes and is cached, or is stopped if stop_running.
        """
        if self._waiting is not None:
            self._waiting.cancel()
        self._leave_flight(stop_running)

    def _leave_flight(self, stop_running: bool) -> None:
        flight, self._flight = self._flight, None
        if flight is None:
            return
        flight.waiters -= 1
        if flight.waiters == 0 and not flight.answer.done():
            self._service.abandon(flight, stop_running)

    def _overdue(self) -> Exception:
        waited = f"timeout_ms of {(self._timeout or 0) * 1000:.0f} passed"
        if self.state == "queued":
            return QueueTimeout(f"{waited} before a worker was free; try later")
        return RecognitionTimeout(f"{waited} before the recognition was done; it goes on")


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

    def abandon(self, flight: Flight, stop_running: bool) -> None:
        """Nobody waits any more: end the work if that is possible, and let nobody join it."""
        if self.engine.cancel(flight.task, stop_running):
            self._flights.pop(flight.identity, None)

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
        digests = await uploads.hash_picture(upload.data)
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
            uploads.check_picture(data, self._max_pixels)
            task = self.engine.submit(
                data,
                request.options,
                patience=request.timeout_seconds,
                read_before=self._quarantine.is_harmless(identity),
            )
            flight = Flight(identity, task)
            self._flights[identity] = flight
            landing = asyncio.ensure_future(self._land(flight, digests))
            self._landings.add(landing)
            landing.add_done_callback(self._landings.discard)
        self._metrics.cache_results[outcome] += 1
        return Ticket(outcome, digests, self, flight, timeout_seconds=request.timeout_seconds)

    def _hit(self, digests: Digests, request: OcrRequest) -> Ticket | None:
        if not request.read_cache:
            return None
        kept = self.cache.get(self._key(digests.md5, request.options), digests.sha256)
        if kept is None:
            return None
        self._metrics.cache_results["hit"] += 1
        answer = Answer(kept.result, digests, age=self.cache.age(kept))
        return Ticket("hit", digests, self, ready=answer)

    async def _land(self, flight: Flight, digests: Digests) -> None:
        """Wait for the pool, encode once, store, and hand the answer to all who wait."""
        try:
            recognition = await flight.task.future
            self._metrics.count_recognition(recognition.stages)
            self._quarantine.was_read(flight.identity)
            result = await encode_result(recognition)
            self.cache.put(flight.identity[0], digests, result)
            flight.answer.set_result(Answer(result, digests, recognition.stages))
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

    def _key(self, md5: str, options: RecognitionOptions) -> CacheKey:
        return CacheKey(md5, _fingerprint(options), self.engine.fingerprint)


@functools.lru_cache(maxsize=256)
def _fingerprint(options: RecognitionOptions) -> str:
    return options.fingerprint()
