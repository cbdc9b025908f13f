"""The composition root: builds the parts of the server and connects them."""

from __future__ import annotations

import functools
import importlib.util
import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from cache.recent_images import RecentImages
from cache.result_cache import ResultCache
from cache.written_files import WrittenFiles
from ocr_engine.cores import usable_cores
from ocr_engine.engine import Engine, concurrency
from ocr_engine.recognizer import Recognizer
from server.database.location import state_folder
from server.database.storage import Storage, StorageError, check_packages
from server.disk_space import watched_folders
from server.documents.documents import Documents
from server.formats.converting import Converter
from server.http.connections import Connections, connection_limit
from server.http.context import BackgroundWork, ServerContext
from server.http.errors import error_of_code, public_error
from server.http.origins import Origins
from server.intake.sources import build_sources
from server.jobs.gate import JobsGate
from server.jobs.memory import MemoryJobs
from server.operations.allocator import FreedMemory
from server.operations.audit import AuditLog
from server.operations.metrics import Metrics
from server.operations.refused_requests import RefusedRequests
from server.outbound.guard import Guard
from server.roles import build_part, build_traces
from server.service.degrading import Degrading
from server.service.digesting import Digester
from server.service.inflight import InflightBytes
from server.service.service import OcrService
from server.settings.audit import audit_path
from server.settings.cluster import state_link
from server.settings.database import database_location
from server.settings.engine import default_options, find_models, spare_workers
from server.settings.loading import SettingsError
from server.settings.settings import Settings
from server.settings.storage import watched_places
from server.settings.time_zones import time_zone
from server.users.days import Days
from server.users.keyring import Keyring
from server.users.limit_settings import build_quota, default_limits
from server.users.limits import Limiter
from server.users.refusals import Refusals
from server.users.usage import Usage
from server.webhooks.sender import Sender

if TYPE_CHECKING:
    from server.database.database import Database
    from server.jobs.durable import DurableJobs
    from server.jobs.rows import End
    from server.objects.feed import ObjectFeed
    from server.service.kept_results import KeptResults

log = logging.getLogger("server")

PATIENCE_SECONDS = 30.0  # how long a client may read nothing of its answer


def build_context(
    settings: Settings,
    load: Callable[[], Recognizer] | None = None,
    patience_seconds: float = PATIENCE_SECONDS,
) -> ServerContext:
    """Build everything behind the handlers, without starting it.

    ModelError if a model is missing, SettingsError if database.url, cluster.state_url,
    alerts.webhook or the places of storage are not accepted.
    load replaces the recognizer in the workers (tests). patience_seconds: how long a client may
    read nothing of its answer.
    """
    tracing = build_traces(settings)
    part = build_part(settings, load, tracing)
    engine = part.engine
    max_cache_bytes = int(settings.service.max_cache_mb * (1 << 20))
    cache = ResultCache(settings.service.time, settings.service.img_number, max_cache_bytes)
    max_bytes = int(settings.web_server.max_body_mb * (1 << 20))
    inflight = InflightBytes(engine, int(settings.web_server.max_inflight_mb * (1 << 20)))
    metrics = Metrics()
    connections = Connections(
        connection_limit(concurrency(engine) + spare_workers(settings) + part.descriptors),
        settings.limits.address_connections,
        settings.web_server.trusted_proxies,
    )
    digester = Digester(RecentImages(int(settings.service.max_recent_mb * (1 << 20))))
    location = database_location(settings)
    storage = Storage(location)
    folders = watched_folders(storage.location.file)
    metrics.watch(engine, cache, inflight.total, connections, folders, part.stats)
    kept_results = None
    if settings.cache.keep and settings.cluster.role == "all":
        kept_results = build_kept_results(cache, engine, storage)
    degrading = Degrading(settings.degrade, engine) if settings.degrade.max_side else None
    service = OcrService(
        engine=engine,
        cache=cache,
        digester=digester,
        inflight=inflight,
        metrics=metrics,
        max_pixels=settings.ocr.max_pixels,
        degrading=degrading,
        private=settings.cache.scope != "shared",
        when_erased=kept_results.erased if kept_results is not None else None,
        sharing=part.sharing,
        files=WrittenFiles(int(settings.documents.written_mb * (1 << 20)), settings.service.time),
    )
    if settings.mcp.enabled and importlib.util.find_spec("mcp") is None:
        raise SettingsError(
            "mcp.enabled needs the Python package mcp: pip install -r requirements/mcp.txt"
        )
    documents = Documents(service, settings.documents, settings.ocr.max_pixels, public_error)
    metrics.watch_renderers(documents.stats)
    quota = build_quota(settings, storage, location)
    link = state_link(settings)
    limiter = Limiter(default_limits(settings), quota, link=link)
    limiter.prepare()
    guard = Guard(settings.webhooks)
    usage = build_usage(settings, storage)
    jobs = build_jobs(settings, storage, service, usage, limiter, documents)
    sender = Sender(storage, settings.webhooks, guard)
    background: list[BackgroundWork] = [jobs, quota, sender] if part.node is None else [part.node]
    if link is not None:
        background.append(limiter)
    if kept_results is not None:
        background.append(kept_results)
    if settings.alerts.webhook is not None:
        from server.alerts.watch import build_watch  # costs nothing while it is off

        background.append(build_watch(settings, engine.stats, metrics.outcomes, folders))
    object_feed = None
    if part.node is None:
        object_feed = build_object_feed(settings, storage, service, usage)
    if object_feed is not None:
        background.append(object_feed)
    if tracing is not None:
        background.append(tracing)
    admin_key = settings.access.admin_key
    audit = AuditLog(audit_path(settings), settings.audit.days)
    refused = RefusedRequests(audit)
    keyring = Keyring(storage, admin_key.reveal() if admin_key is not None else None)
    keyring.when_erased(service.results.erase)
    keyring.when_erased(documents.kept.erase)
    if part.sharing is not None:
        part.sharing.when_erased(service.results.forget)
        if not service.results.all_share:
            keyring.when_erased(part.sharing.erase_user)
    return ServerContext(
        settings=settings,
        sources=build_sources(settings, max_bytes, digester.known, inflight.reserve),
        service=service,
        converter=Converter(usable_cores(), documents=2 * usable_cores()),
        documents=documents,
        storage=storage,
        jobs=jobs,
        keyring=keyring,
        refusals=Refusals(),
        limiter=limiter,
        usage=usage,
        audit=audit,
        refused=refused,
        default_options=default_options(settings),
        find_models=functools.partial(find_models, settings, load=load),
        max_body_bytes=max_bytes,
        inflight=inflight,
        metrics=metrics,
        connections=connections,
        origins=Origins(settings.web_server),
        patience_seconds=patience_seconds,
        webhook_guard=guard,
        background=[usage, refused, FreedMemory(inflight), *background],
        kept_results=kept_results,
        object_feed=object_feed,
        node=part.node,
        state_link=link,
        cluster_stats=part.stats,
        tracing=tracing,
    )


def build_kept_results(cache: ResultCache, engine: Engine, storage: Storage) -> KeptResults:
    """The file of the result cache, in the state folder."""
    # imported here: costs nothing while it is off
    from server.service.kept_results import KeptResults
    from server.service.result_identity import identity
    from server.settings.kept_results import kept_results_folder
    from server.users.existing import existing_users

    fingerprint = "\n".join(sorted(each.fingerprint for each in engine.models.every()))
    return KeptResults(
        cache,
        kept_results_folder(),
        functools.cache(functools.partial(identity, fingerprint)),
        functools.partial(existing_users, storage),
    )


def build_object_feed(
    settings: Settings, storage: Storage, service: OcrService, usage: Usage
) -> ObjectFeed | None:
    """What reads objects without a request; None if no places are watched."""
    places = watched_places(settings)
    if not places:
        return None
    try:
        check_packages()
    except StorageError as error:
        raise SettingsError(f"storage.watch needs a database: {error}") from None
    from server.objects.build import build_feed  # costs nothing while it is off

    return build_feed(settings, places, storage, service, usage, public_error, time.time)


def build_usage(settings: Settings, storage: Storage) -> Usage:
    """What counts requests, with its journal in the state folder."""
    return Usage(
        storage,
        state_folder() / "usage",
        Days(time_zone(settings.quota.timezone)),
        keep_days=settings.usage.event_days,
        max_journal_bytes=int(settings.usage.max_journal_mb * (1 << 20)),
        timezone=settings.quota.timezone,
        with_keys=settings.usage.enabled is not False,
    )


def build_jobs(
    settings: Settings,
    storage: Storage,
    service: OcrService,
    usage: Usage,
    limiter: Limiter,
    documents: Documents,
    clock: Callable[[], float] = time.time,
) -> JobsGate:
    """Jobs in the database, or in memory if there can be no database. clock: Unix seconds."""
    memory = MemoryJobs(service, settings.service.job_seconds, public_error, clock=clock)

    def counts(end: End) -> bool:
        status = 200 if end.error is None else error_of_code(end.error.code, "").status
        return limiter.counts(status, end.outcome or "")

    def make() -> Callable[[Database], DurableJobs]:
        from server.jobs.build import durable_jobs

        return functools.partial(
            durable_jobs,
            settings=settings,
            location=storage.location,
            service=service,
            explain=public_error,
            usage=usage,
            counts=counts,
            clock=clock,
            documents=documents,
        )

    return JobsGate(storage, memory, make, named=settings.database.url is not None)
