"""Builds the engine from the settings: models, workers and default options."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from pathlib import Path

from ocr_engine.cores import usable_cores
from ocr_engine.engine import Engine
from ocr_engine.errors import ModelError
from ocr_engine.memory import available_mb
from ocr_engine.model_sets import LoadableSet, ModelSets
from ocr_engine.models.catalogue import CATALOGUE
from ocr_engine.models.directory import ModelChoice, resolve_models
from ocr_engine.options import RecognitionOptions
from ocr_engine.pool.pool import Pool
from ocr_engine.pool.spec import PoolSpec, SupervisorSpec
from ocr_engine.recognizer import EngineSettings, Recognizer, load_recognizer
from ocr_engine.worker.spec import WorkerSpec
from server.settings.model_sets import NamedSet
from server.settings.named_sets import default_set, find_set, named_sets
from server.settings.settings import Settings

MAX_CORES_PER_IMAGE = 2  # each further core costs a worker about 100 MB (decisions/0015)

SPARE_MIN_MB = 8192  # available memory, above which there is a spare by default


def build_engine(settings: Settings, load: Callable[[], Recognizer] | None = None) -> Engine:
    """Build the engine without starting it; ModelError if a model is missing.

    load replaces the recognizer in the workers (tests).
    """
    pool = build_pool(settings, load)
    if not settings.remote.sets:
        return pool
    from server.settings.remote_sets import with_remote_sets  # costs nothing while it is off

    return with_remote_sets(pool, settings)


def build_pool(settings: Settings, load: Callable[[], Recognizer] | None = None) -> Pool:
    """The workers of this process, without models on other servers; see build_engine()."""
    ocr = settings.ocr
    cores = cores_per_image(settings)
    worker = WorkerSpec(
        models=model_sets(settings, load),
        threads=ocr.predict_system.cpu_threads,
        max_pixels=ocr.max_pixels,
        release_rss_mb=max(ocr.process.max_rss_mb * 2 // 3, 100),
        task_memory_mb=ocr.process.task_memory_mb,
        cores=cores,
        background=ocr.engine == "openvino" and ocr.predict_system.cpu_threads == 1,
    )
    workers = SupervisorSpec(
        number=ocr.process.number or usable_cores(),
        worker=worker,
        max_tasks=ocr.process.max_task_number,
        max_rss_mb=ocr.process.max_rss_mb,
        spares=spare_workers(settings),
    )
    return Pool(
        PoolSpec(
            workers=workers,
            queue_size=ocr.process.queue_size,
            queue_seconds=ocr.process.queue_timeout_seconds,
            task_seconds=ocr.process.timeout_seconds,
            cores_per_image=cores,
            user_share=ocr.process.user_share,
        )
    )


def engine_settings(settings: Settings, named: NamedSet | None = None) -> EngineSettings:
    """What the workers load for a model set, by default for the default one.

    ModelError if a model is missing or the engine cannot use it.
    """
    ocr = settings.ocr
    predict = ocr.predict_system
    chosen = default_set(settings) if named is None else named

    def resolved(path: Path | None) -> Path | None:
        return None if path is None else settings.resolve(path)

    fetched = ocr.engine == "paddleocr" and chosen.models not in ("auto", *CATALOGUE)
    if fetched and (chosen.det_model_dir or chosen.rec_model_dir):
        raise ModelError(
            f"ocr.models = {chosen.models!r}: PaddleOCR downloads both models by name; remove "
            "det_model_dir and rec_model_dir, or set ocr.models to auto"
        )
    choice = ModelChoice(
        set_name=chosen.models,
        det_model_dir=resolved(chosen.det_model_dir),
        rec_model_dir=resolved(chosen.rec_model_dir),
        cls_model_dir=resolved(chosen.cls_model_dir),
        rec_image_shape=chosen.rec_image_shape,
        cls_image_shape=chosen.cls_image_shape,
        rec_char_dict_path=resolved(chosen.rec_char_dict_path),
    )
    try:
        models = None if fetched else resolve_models(choice, ocr.engine)
    except ModelError as error:
        if chosen in ocr.model_sets:
            raise ModelError(f"ocr.model_sets, {chosen.name}: {error.message}") from None
        raise
    return EngineSettings(
        engine=ocr.engine,  # type: ignore[arg-type]
        models=models,
        set_name=chosen.models,
        precision=ocr.precision,  # type: ignore[arg-type]
        threads=predict.cpu_threads,
        enable_mkldnn=predict.enable_mkldnn,
        cached_shapes=predict.cpu_cache_capacity,
        cores=cores_per_image(settings),
    )


def model_sets(settings: Settings, load: Callable[[], Recognizer] | None = None) -> ModelSets:
    """The default set, and those that requests may ask for; ModelError if a model is missing."""
    default, *others = named_sets(settings)
    return ModelSets(
        loadable_set(settings, default, load),
        tuple(loadable_set(settings, each, load) for each in others),
    )


def find_models(
    settings: Settings, name: str, load: Callable[[], Recognizer] | None = None
) -> LoadableSet:
    """The set with this name, with its present files; ModelError. load: see build_engine."""
    if any(each.name == name for each in settings.remote.sets):
        raise ModelError(f"{name} is on another server; the default set must be a local one")
    return loadable_set(settings, find_set(settings, name), load)


def loadable_set(
    settings: Settings, named: NamedSet, load: Callable[[], Recognizer] | None = None
) -> LoadableSet:
    """A set whose files are there; ModelError if one is missing. load: see build_engine."""
    engine = engine_settings(settings, named)
    return LoadableSet(
        load=load or functools.partial(load_recognizer, engine),
        name=named.name,
        fingerprint=engine.fingerprint(),
        models=engine.models.describe() if engine.models else engine.set_name,
    )


def default_options(settings: Settings) -> RecognitionOptions:
    """The options of a request that sets none.

    No line is dropped, so that a kept result serves every `drop_score`.
    """
    predict = settings.ocr.predict_system
    names = (entry.name for entry in dataclasses.fields(RecognitionOptions))
    options = RecognitionOptions(**{n: getattr(predict, n) for n in names if hasattr(predict, n)})
    return dataclasses.replace(
        options,
        drop_score=0.0,
        shown_score=predict.drop_score,
        max_side=settings.ocr.max_side,
    )


def spare_workers(settings: Settings) -> int:
    """How many spares there are: as set, or one if enough memory is available."""
    spares = settings.ocr.process.spares
    return int(available_mb() >= SPARE_MIN_MB) if spares is None else spares


def cores_per_image(settings: Settings) -> int:
    """How many cores one image may use when workers are idle; only with the engine openvino."""
    ocr = settings.ocr
    if not ocr.process.idle_cores or ocr.engine != "openvino":
        return 1
    workers = ocr.process.number or usable_cores()
    return max(1, min(workers, usable_cores(), MAX_CORES_PER_IMAGE))
