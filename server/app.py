"""The composition root: builds cache, pool and service, and the route table."""

from __future__ import annotations

from collections.abc import Callable

import tornado.web
from tornado.httpserver import HTTPServer

from cache.recent_pictures import RecentPictures
from cache.result_cache import ResultCache
from ocr_engine.recognizer import Recognizer
from server.connections import Connections, connection_limit
from server.context import ServerContext
from server.dialects.legacy import LegacyDialect
from server.dialects.native import NativeDialect
from server.engine_setup import build_engine, default_options
from server.handlers.base import NotFoundHandler
from server.handlers.docs import DescriptionHandler, description_body
from server.handlers.health import (
    HealthHandler,
    LivenessHandler,
    MetricsHandler,
    ReadinessHandler,
)
from server.handlers.jobs import JobHandler
from server.handlers.page import PageHandler, page_values, read_static_files
from server.handlers.recognize import ExchangeRoute
from server.handlers.results import ResultHandler
from server.intake.sources import build_sources
from server.listening import Listener
from server.metrics import Metrics
from server.service.digesting import Digester
from server.service.inflight import InflightBytes
from server.service.jobs import JobStore
from server.service.service import OcrService
from server.settings import Settings

MAX_HEADER_BYTES = 32 << 10
CHUNK_BYTES = 128 << 10  # read at a time: most cached pictures come in one piece (decisions/0012)
HEADER_SECONDS = 10.0
BODY_SECONDS = 30.0
PATIENCE_SECONDS = 30.0  # with a client that takes nothing of its answer


def build_context(
    settings: Settings,
    load: Callable[[], Recognizer] | None = None,
    patience_seconds: float = PATIENCE_SECONDS,
) -> ServerContext:
    """Everything behind the handlers; nothing is started yet.

    load replaces the recognizer in the workers (tests). patience_seconds: how long a client may
    take nothing of its answer. ModelError if a model is missing.
    """
    engine = build_engine(settings, load)
    max_cache_bytes = int(settings.service.max_cache_mb * (1 << 20))
    cache = ResultCache(settings.service.time, settings.service.img_number, max_cache_bytes)
    max_bytes = int(settings.web_server.max_body_mb * (1 << 20))
    inflight = InflightBytes(engine, int(settings.web_server.max_inflight_mb * (1 << 20)))
    metrics = Metrics()
    connections = Connections(connection_limit(engine.capacity))
    metrics.watch(engine, cache, inflight, connections)
    digester = Digester(RecentPictures(int(settings.service.max_recent_mb * (1 << 20))))
    service = OcrService(
        engine=engine,
        cache=cache,
        digester=digester,
        inflight=inflight,
        metrics=metrics,
        max_pixels=settings.ocr.max_pixels,
    )
    return ServerContext(
        settings=settings,
        sources=build_sources(settings, max_bytes, digester.known),
        service=service,
        jobs=JobStore(settings.service.job_seconds),
        default_options=default_options(settings),
        max_body_bytes=max_bytes,
        inflight=inflight,
        metrics=metrics,
        connections=connections,
        patience_seconds=patience_seconds,
    )


def make_application(context: ServerContext) -> tornado.web.Application:
    """The routes."""
    given = {"context": context}
    static = read_static_files(page_values(context))
    return tornado.web.Application(
        [
            (r"/ocr_service", ExchangeRoute(LegacyDialect), given),
            (r"/ocr", ExchangeRoute(NativeDialect), given),
            (r"/jobs/([A-Za-z0-9_-]{1,64})", JobHandler, given),
            (r"/results/([0-9A-Fa-f]{32})", ResultHandler, given),
            (r"/livez", LivenessHandler, given),
            (r"/readyz", ReadinessHandler, given),
            (r"/healthz", HealthHandler, given),
            (r"/metrics", MetricsHandler, given),
            (r"/", PageHandler, {**given, "page": static.pages["index.html"]}),
            (r"/status", PageHandler, {**given, "page": static.pages["status.html"]}),
            (r"/docs", PageHandler, {**given, "page": static.pages["docs/index.html"]}),
            (r"/openapi\.json", DescriptionHandler, {**given, "body": description_body(context)}),
            (r"/static/(.{1,120})", PageHandler, {**given, "files": static.others}),
        ],
        default_handler_class=NotFoundHandler,
        default_handler_args=given,
        log_function=lambda handler: None,  # request_scope.py logs
    )


def make_http_server(context: ServerContext) -> Listener:
    """The application behind limits that a slow or greedy client runs into.

    The size of a body is the handlers' business: they answer with JSON.
    """
    server = HTTPServer(
        make_application(context),
        chunk_size=CHUNK_BYTES,
        max_header_size=MAX_HEADER_BYTES,
        max_body_size=1 << 50,
        idle_connection_timeout=HEADER_SECONDS,
        body_timeout=BODY_SECONDS,
    )
    outgoing = context.inflight.outgoing
    return Listener(server, context.connections, outgoing, context.patience_seconds)
