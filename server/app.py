"""The composition root: builds cache, pool and service, and the route table."""

from __future__ import annotations

import dataclasses
import functools
import os
from collections.abc import Callable
from pathlib import Path

import tornado.web
from tornado.httpserver import HTTPServer

from cache.result_cache import ResultCache
from ocr_engine.errors import ModelError
from ocr_engine.models.catalogue import CATALOGUE
from ocr_engine.models.directory import ModelChoice, resolve_models
from ocr_engine.options import RecognitionOptions
from ocr_engine.pool.pool import Pool, PoolSpec
from ocr_engine.pool.supervisor import CrewSpec
from ocr_engine.pool.worker import WorkerSpec
from ocr_engine.recognizer import EngineSettings, Recognizer, load_recognizer
from server.connections import Connections, connection_limit
from server.context import ServerContext
from server.file_roots import FileRoots
from server.handlers.base import BaseHandler, NotFoundHandler, log_request
from server.handlers.docs import DescriptionHandler, description_body
from server.handlers.health import (
    HealthHandler,
    LivenessHandler,
    MetricsHandler,
    ReadinessHandler,
)
from server.handlers.jobs import JobHandler
from server.handlers.page import PageHandler, page_values, read_static_files
from server.handlers.recognize import OcrHandler, OcrServiceHandler
from server.handlers.results import ResultHandler
from server.inflight import InflightBytes
from server.jobs import JobStore
from server.listening import Listener
from server.metrics import Metrics
from server.service import OcrService
from server.settings import Settings

MAX_HEADER_BYTES = 32 << 10
CHUNK_BYTES = 128 << 10  # read at a time: most cached pictures come in one piece (decisions/0012)
HEADER_SECONDS = 10.0
BODY_SECONDS = 30.0
PATIENCE_SECONDS = 30.0  # with a client that takes nothing of its answer
MAX_CORES_PER_PICTURE = 2  # each more would cost a worker some 100 MB (decisions/0015)


def build_context(
    settings: Settings,
    load: Callable[[], Recognizer] | None = None,
    patience_seconds: float = PATIENCE_SECONDS,
) -> ServerContext:
    """Everything behind the handlers; nothing is started yet.

    load replaces the recognizer in the workers (tests). patience_seconds: how long a client may
    take nothing of its answer. ModelError if a model is missing.
    """
    engine = engine_settings(settings)
    ocr = settings.ocr
    number = ocr.process.number or usable_cores()
    worker = WorkerSpec(
        load=load or functools.partial(load_recognizer, engine),
        threads=ocr.predict_system.cpu_threads,
        max_pixels=ocr.max_pixels,
        release_rss_mb=max(ocr.process.max_rss_mb * 2 // 3, 100),
        task_memory_mb=ocr.process.task_memory_mb,
        cores=engine.cores,
    )
    pool = Pool(
        PoolSpec(
            crew=CrewSpec(
                number=number,
                worker=worker,
                max_tasks=ocr.process.max_task_number,
                max_rss_mb=ocr.process.max_rss_mb,
            ),
            queue_size=ocr.process.queue_size,
            queue_seconds=ocr.process.queue_timeout_seconds,
            task_seconds=ocr.process.timeout_seconds,
            cores_per_picture=engine.cores,
        )
    )
    max_cache_bytes = int(settings.service.max_cache_mb * (1 << 20))
    cache = ResultCache(settings.service.time, settings.service.img_number, max_cache_bytes)
    max_bytes = int(settings.web_server.max_body_mb * (1 << 20))
    inflight = InflightBytes(pool, int(settings.web_server.max_inflight_mb * (1 << 20)))
    metrics = Metrics()
    connections = Connections(connection_limit(number))
    metrics.watch(pool, cache, inflight, connections)
    roots = [settings.resolve(root) for root in settings.web_server.filename_roots]
    service = OcrService(
        pool=pool,
        cache=cache,
        files=FileRoots(roots, max_bytes),
        inflight=inflight,
        metrics=metrics,
        models=engine.fingerprint(),
        max_pixels=ocr.max_pixels,
        max_bytes=max_bytes,
        max_recent_bytes=int(settings.service.max_recent_mb * (1 << 20)),
    )
    return ServerContext(
        settings=settings,
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
            (r"/ocr_service", OcrServiceHandler, given),
            (r"/ocr", OcrHandler, given),
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
        log_function=log_access,
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


def engine_settings(settings: Settings) -> EngineSettings:
    """What the workers load; ModelError if a model is missing or does not suit the engine."""
    ocr = settings.ocr
    predict = ocr.predict_system

    def resolved(path: Path | None) -> Path | None:
        return None if path is None else settings.resolve(path)

    fetched = ocr.engine == "paddleocr" and ocr.models not in ("auto", *CATALOGUE)
    if fetched and (predict.det_model_dir or predict.rec_model_dir):
        raise ModelError(
            f"ocr.models = {ocr.models!r}: PaddleOCR fetches both models by name; leave out "
            "det_model_dir and rec_model_dir, or set ocr.models to auto"
        )
    choice = ModelChoice(
        set_name=ocr.models,
        det_model_dir=resolved(predict.det_model_dir),
        rec_model_dir=resolved(predict.rec_model_dir),
        cls_model_dir=resolved(predict.cls_model_dir),
        rec_image_shape=predict.rec_image_shape,
        cls_image_shape=predict.cls_image_shape,
        rec_char_dict_path=resolved(predict.rec_char_dict_path),
    )
    return EngineSettings(
        engine=ocr.engine,  # type: ignore[arg-type]
        models=None if fetched else resolve_models(choice, ocr.engine),
        set_name=ocr.models,
        precision=ocr.precision,  # type: ignore[arg-type]
        threads=predict.cpu_threads,
        enable_mkldnn=predict.enable_mkldnn,
        cached_shapes=predict.cpu_cache_capacity,
        cores=cores_per_picture(settings),
    )


def default_options(settings: Settings) -> RecognitionOptions:
    """The options of a request that asks for nothing."""
    predict = settings.ocr.predict_system
    names = (entry.name for entry in dataclasses.fields(RecognitionOptions))
    return RecognitionOptions(**{n: getattr(predict, n) for n in names if hasattr(predict, n)})


def cores_per_picture(settings: Settings) -> int:
    """On how many cores one picture may be read when workers are idle; engine openvino only."""
    ocr = settings.ocr
    if not ocr.process.idle_cores or ocr.engine != "openvino":
        return 1
    workers = ocr.process.number or usable_cores()
    return max(1, min(workers, usable_cores(), MAX_CORES_PER_PICTURE))


def usable_cores() -> int:
    """Cores that this process may use: its affinity, less where a cgroup allows less."""
    cores = len(os.sched_getaffinity(0))
    try:
        with open("/sys/fs/cgroup/cpu.max", encoding="ascii") as limit:
            quota, period = limit.read().split()
        if quota != "max":
            cores = min(cores, max(1, round(int(quota) / int(period))))
    except (OSError, ValueError):
        pass
    return max(1, cores)


def log_access(handler: tornado.web.RequestHandler) -> None:
    """One line a request."""
    if isinstance(handler, BaseHandler):
        log_request(handler.request, handler.get_status(), handler.request_id)
