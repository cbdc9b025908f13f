"""Builds the engine's sets on other servers from the settings; imported only if there are some."""

from __future__ import annotations

from ocr_engine.cores import usable_cores
from ocr_engine.engine import Engine
from ocr_engine.errors import ModelError
from ocr_engine.remote.spec import PixelSpec, RemoteSet
from server.settings.remote_settings import NamedRemote
from server.settings.settings import Settings

PACKAGE = "httpx2"
MOST_PREPARERS = 4


def with_remote_sets(local: Engine, settings: Settings) -> Engine:
    """An engine that also has these sets; ModelError if one cannot be used."""
    taken = local.models.names
    for each in settings.remote.sets:
        if each.name in taken:
            raise ModelError(f"remote.sets: {each.name} is a local model set; use another name")
    try:
        from ocr_engine.remote.dispatcher import Dispatcher
    except ModuleNotFoundError as error:
        if error.name != PACKAGE:
            raise
        raise ModelError(
            f"remote.sets needs the Python package {PACKAGE}: "
            "pip install -r requirements/remote.txt"
        ) from None
    ocr = settings.ocr
    pixels = PixelSpec(ocr.max_pixels, ocr.process.task_memory_mb, ocr.process.timeout_seconds)
    sets = tuple(remote_set(settings, each) for each in settings.remote.sets)
    return Dispatcher(local, sets, pixels, max(1, min(usable_cores() // 2, MOST_PREPARERS)))


def remote_set(settings: Settings, named: NamedRemote) -> RemoteSet:
    """A set with its key, and what remote.* says for all sets."""
    remote = settings.remote
    return RemoteSet(
        name=named.name,
        url=named.url,
        model=named.model,
        kind=named.kind,
        key=_key(settings, named),
        prompt=named.prompt,
        sampling=named.sampling,
        min_pixels=named.min_pixels,
        max_pixels=named.max_pixels,
        concurrency=named.concurrency or remote.concurrency,
        queue_size=remote.queue_size,
        queue_seconds=remote.queue_seconds,
        seconds=named.seconds or remote.seconds,
        attempts=remote.attempts,
        user_share=settings.ocr.process.user_share,
    )


def _key(settings: Settings, named: NamedRemote) -> str | None:
    """The key in the file of the set; the messages do not show the file's content."""
    if named.key_file is None:
        return None
    problem = f"remote.sets, {named.name}: key_file"
    try:
        key = settings.resolve(named.key_file).read_text(encoding="utf-8-sig").strip()
    except OSError as error:
        raise ModelError(f"{problem}: cannot read this file: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ModelError(f"{problem}: this file is not UTF-8 text") from None
    if not key or not key.isascii() or not key.isprintable() or " " in key:
        raise ModelError(f"{problem}: expected one line with a key")
    return key
