"""The routes and the HTTP server, with its limits."""

from __future__ import annotations

import functools
from typing import Any

import tornado.web
from tornado.httpserver import HTTPServer
from tornado.routing import Rule

from server.http.announced_length import LARGEST
from server.http.context import ServerContext
from server.http.dialects.legacy import LegacyDialect
from server.http.dialects.native import NativeDialect
from server.http.handlers.base import NotFoundHandler, PreflightHandler
from server.http.handlers.docs import DescriptionBody, DescriptionHandler
from server.http.handlers.health import (
    HealthHandler,
    LivenessHandler,
    MetricsHandler,
    ReadinessHandler,
)
from server.http.handlers.late import LateRoute, PostTo
from server.http.handlers.page import PageHandler, page_values, read_static_files
from server.http.handlers.recognize import ExchangeRoute
from server.http.listening import Listener
from server.http.origins import Preflight

MAX_HEADER_BYTES = 32 << 10
CHUNK_BYTES = 128 << 10  # per read; most cached images fit in one chunk (decisions/0012)
HEADER_SECONDS = 10.0
BODY_SECONDS = 30.0


def make_application(context: ServerContext) -> tornado.web.Application:
    """The Tornado application with all routes."""
    given = {"context": context}
    if context.node is not None:
        return tornado.web.Application(
            _health_routes(given),
            default_handler_class=NotFoundHandler,
            default_handler_args=given,
            log_function=lambda handler: None,
        )
    static = read_static_files(page_values(context))
    # Before all other rules, but only if pages of other sites are allowed.
    preflight = [Rule(Preflight(context.origins), PreflightHandler, given)]
    foreign = None
    if context.settings.web_server.dialects:
        from server.http.handlers.foreign import foreign_routes  # costs nothing while they are off

        foreign = foreign_routes(context.settings.web_server.dialects)
    shared_ocr = foreign.shared_ocr if foreign is not None else None
    application = tornado.web.Application(
        default_handler_class=NotFoundHandler,
        default_handler_args=given,
        log_function=lambda handler: None,  # request_scope.py logs
    )
    late = functools.partial(LateRoute, application)
    application.wildcard_router.add_rules(
        [
            *(preflight if context.origins.has_cors else ()),
            (r"/ocr_service", ExchangeRoute(LegacyDialect), given),
            (r"/ocr", ExchangeRoute(shared_ocr or NativeDialect), given),
            (r"/jobs", late("jobs:JobsHandler"), given),
            (r"/jobs/([A-Za-z0-9_-]{1,64})", late("jobs:JobHandler"), given),
            (r"/jobs/([A-Za-z0-9_-]{1,64})/result", late("jobs:JobResultHandler"), given),
            (r"/jobs/([A-Za-z0-9_-]{1,64})/events", late("job_events:JobEventsHandler"), given),
            (r"/results/([0-9A-Fa-f]{32})", late("results:ResultHandler"), given),
            (r"/documents", late("kept_documents:SENT_DOCUMENT_ROUTE"), given),
            (
                r"/documents/([A-Za-z0-9_-]{1,64})",
                late("kept_documents:KeptDocumentHandler"),
                given,
            ),
            (
                r"/documents/([A-Za-z0-9_-]{1,64})/ocr",
                late("kept_documents:KEPT_DOCUMENT_ROUTE"),
                given,
            ),
            (
                r"/documents/([A-Za-z0-9_-]{1,64})/pages/([1-9][0-9]{0,6})",
                late("kept_documents:DocumentPageHandler"),
                given,
            ),
            (r"/languages", late("languages:LanguagesHandler"), given),
            (
                r"/usage",
                late("usage:UsageHandler"),
                {**given, "page": static.pages["usage/index.html"]},
            ),
            (r"/admin/keys", late("admin_keys:AdminKeysHandler"), given),
            (r"/admin/keys/([0-9A-Za-z]{8})", late("admin_keys:AdminKeyHandler"), given),
            (r"/admin/models", late("admin_models:AdminModelsHandler"), given),
            Rule(PostTo(r"/batches$"), late("batch_requests:BATCHES_ROUTE"), given),
            (r"/batches", late("batches:BatchesHandler"), given),
            (r"/batches/([A-Za-z0-9_-]{1,64})", late("batches:BatchHandler"), given),
            (r"/batch", late("batch_requests:BATCH_ROUTE"), given),
            (r"/events/s3", late("storage_events:StorageEventsHandler"), given),
            *_agents(context),
            *_health_routes(given),
            (r"/", PageHandler, {**given, "page": static.pages["read/index.html"]}),
            (r"/status", PageHandler, {**given, "page": static.pages["status/index.html"]}),
            (r"/docs", PageHandler, {**given, "page": static.pages["docs/index.html"]}),
            (r"/openapi\.json", DescriptionHandler, {**given, "body": DescriptionBody(context)}),
            (r"/static/(.{1,120})", PageHandler, {**given, "files": static.others}),
            *(foreign.rules(given) if foreign is not None else ()),
        ]
    )
    return application


def _health_routes(given: dict[str, Any]) -> list[Any]:
    """The routes that a node of a cluster has, too: it gets its work from the broker."""
    return [
        (r"/livez", LivenessHandler, given),
        (r"/readyz", ReadinessHandler, given),
        (r"/healthz", HealthHandler, given),
        (r"/metrics", MetricsHandler, given),
    ]


def _agents(context: ServerContext) -> list[tuple[Any, ...]]:
    """The route of agents, if it is turned on."""
    if not context.settings.mcp.enabled:
        return []
    from server.http.handlers.mcp import McpHandler  # costs nothing while it is off
    from server.http.handlers.mcp_bridge import McpBridge

    bridge = McpBridge(context.max_body_bytes)
    context.background.append(bridge)
    return [(r"/mcp", McpHandler, {"context": context, "bridge": bridge})]


def make_http_server(context: ServerContext) -> Listener:
    """The server with limits for slow and greedy clients.

    Bodies are limited by the handlers, not here, so that the refusal is JSON.
    """
    server = HTTPServer(
        make_application(context),
        chunk_size=CHUNK_BYTES,
        max_header_size=MAX_HEADER_BYTES,
        max_body_size=LARGEST,
        body_timeout=BODY_SECONDS,
    )
    server.conn_params.header_timeout = None  # ClientStream has one that costs less
    return Listener(
        server,
        context.connections,
        context.inflight.outgoing,
        HEADER_SECONDS,
        context.patience_seconds,
    )
