"""Builds the parts of a cluster that this process is; imported only in a cluster."""

from __future__ import annotations

import asyncio
import secrets
import socket
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from cache.kept_file import KeptResult
from cache.keys import CacheKey
from ocr_cluster.front.engine import BrokerEngine
from ocr_cluster.front.erasures import Forget
from ocr_cluster.front.shared_task import own_task
from ocr_cluster.front.sharing import SharedEngine
from ocr_cluster.front.spec import FrontSpec
from ocr_cluster.front.wanted import Wanted
from ocr_cluster.link import Link
from ocr_cluster.members import FrontBeat, NodeBeat
from ocr_cluster.node.work import NodeWork
from ocr_cluster.packing import PackedResult
from ocr_cluster.redis_link import RedisAway
from ocr_cluster.results import SharedResults
from ocr_cluster.work import digest_of, work_of
from ocr_engine.engine import Engine, EngineTask, Turn
from ocr_engine.images.pixel_files import as_file
from ocr_engine.images.pixels import ImageData
from server.errors import StorageUnavailable
from server.formats.stored import encode_result
from server.intake.request import OcrRequest
from server.service.flights import FlightIdentity
from server.service.sharing import Found
from server.settings.cluster import ClusterUrls
from server.settings.settings import Settings
from server.version import VERSION

if TYPE_CHECKING:
    from server.operations.tracing import Tracing

DESCRIPTORS = 160  # connections to Redis and the broker
_ID_BYTES = 6


def build_front(settings: Settings, urls: ClusterUrls) -> SharedEngine:
    """The engine of a front end, without starting it."""
    process = settings.ocr.process
    member = FrontBeat(_new_id(), 0, 0, version=VERSION, address=_address(settings))
    spec = FrontSpec(
        member=member,
        broker_url=urls.broker,
        queue_size=process.queue_size,
        queue_seconds=process.queue_timeout_seconds,
        task_seconds=process.timeout_seconds,
        user_share=process.user_share,
        give_up_seconds=settings.cluster.broker_seconds,
    )
    state, cache = _links(urls)
    results = SharedResults(cache, settings.service.time)
    return SharedEngine(BrokerEngine(spec, state, results), state, cache, results)


def build_node(
    settings: Settings, urls: ClusterUrls, engine: Engine, tracing: Tracing | None
) -> NodeWork:
    """What takes work for the engine of a node."""
    state, cache = _links(urls)
    return NodeWork(
        NodeBeat(_new_id(), 0, 0, {}, "", version=VERSION, address=_address(settings)),
        engine,
        state,
        cache,
        SharedResults(cache, settings.service.time),
        urls.broker,
        encode_result,
        None if tracing is None else tracing.finish,
    )


def _links(urls: ClusterUrls) -> tuple[Link, Link]:
    """The connections to the Redis servers for state and cache; they may be one server."""
    if urls.state == urls.cache:
        return (both := Link(urls.state, "state and cache")), both
    return Link(urls.state, "state"), Link(urls.cache, "cache")


class FrontSharing:
    """Shares the work of the service of a front end; see Sharing. clock: Unix seconds."""

    def __init__(self, engine: SharedEngine, clock: Callable[[], float] = time.time) -> None:
        self._engine = engine
        self._clock = clock

    async def submit(
        self,
        identity: FlightIdentity,
        data: ImageData,
        request: OcrRequest,
        turn: Turn,
        read_before: bool,
    ) -> EngineTask | Found:
        """See Sharing."""
        key, sha256 = identity
        wanted = Wanted(
            work_of(key.owner, key.md5, sha256, key.options),
            data if isinstance(data, bytes) else await asyncio.to_thread(as_file, data),
            request.options,
            turn,
            request.timeout_seconds,
            read_before,
            fresh=not request.read_cache,
        )
        found = await self._engine.find_or_submit(wanted)
        if isinstance(found, PackedResult):
            return Found(found.result, self._age(found))
        return found

    async def find(self, key: CacheKey) -> KeptResult | None:
        """See Sharing."""
        scope, options = digest_of(key.owner), digest_of(key.options)
        found = await self._engine.results.find_by_md5(scope, key.md5, options, key.models)
        if found is None:
            return None
        sha256, packed = found
        return KeptResult(key, sha256, packed.result, self._age(packed))

    async def erase(self, owner: str, md5: str) -> bool:
        """See Sharing."""
        try:
            return await self._engine.erasures.erase(owner, md5)
        except RedisAway as error:
            raise StorageUnavailable("the cache of the cluster does not answer") from error

    def erase_user(self, user: str) -> None:
        """A user was erased; all results of the user follow, as soon as Redis answers."""
        self._engine.erasures.erase_later(user)

    def when_erased(self, forget: Forget) -> None:
        """See Erasures."""
        self._engine.erasures.when_erased(forget)

    def has_joined(self, task: EngineTask) -> bool:
        """See Sharing."""
        return own_task(task).joined

    def _age(self, packed: PackedResult) -> float:
        return max(0.0, self._clock() - packed.stored_at)


def _new_id() -> str:
    return secrets.token_hex(_ID_BYTES)


def _address(settings: Settings) -> str:
    """Where this process listens, for people."""
    return f"{socket.gethostname()}:{settings.web_server.port}"
