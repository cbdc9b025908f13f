"""The complete description as one document; built once, when it is first asked for."""

from __future__ import annotations

from typing import Any

from ocr_engine.images.header import accepted_formats
from ocr_engine.options import RecognitionOptions
from server.http.openapi.admin_operations import SECURITY_SCHEMES, WITH_KEY
from server.http.openapi.fields import field_schemas
from server.http.openapi.operations import describe_paths
from server.http.openapi.parameters import parameter_components
from server.http.openapi.responses import error_components, header_components
from server.http.openapi.schemas import COMPONENTS
from server.http.openapi.storage_operations import SECURITY_SCHEMES as OF_STORAGE
from server.http.openapi.typed_schemas import component_schemas
from server.settings.dialects import chosen
from server.settings.settings import Settings
from server.version import VERSION

Description = dict[str, Any]

TAGS = {
    "Recognition": "Send an image, get its text.",
    "Documents": "Documents that are sent once, to be looked at and read several times.",
    "Jobs": "Work started with `block_flag=false`.",
    "Batches": "Many files in one request, a job for each.",
    "Results": "Results in the cache.",
    "Usage": "What each user has used.",
    "Keys": "Keys of users, for administrators.",
    "Storage": "Events of object stores.",
    "Models": "Model sets, for administrators.",
    "Health": "For load balancers, dashboards and people.",
    "Pages": "For browsers.",
}


def describe(settings: Settings, defaults: RecognitionOptions) -> Description:
    """The description with the limits of these settings; defaults: the default options."""
    return {
        "openapi": "3.1.1",
        "info": {
            "title": "Concurrent OCR server",
            "version": VERSION,
            "summary": "Recognizes text in images.",
            "description": _introduction(settings),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/", "description": "This server"}],
        "security": [{}, *WITH_KEY] if not settings.access.required else WITH_KEY,
        "tags": [{"name": name, "description": told} for name, told in TAGS.items()],
        "paths": describe_paths(field_schemas(defaults, settings.image_urls.enabled)),
        "components": {
            "schemas": component_schemas(COMPONENTS),
            "responses": error_components(),
            "parameters": parameter_components(),
            "headers": header_components(),
            "securitySchemes": {**SECURITY_SCHEMES, **OF_STORAGE},
        },
    }


def _introduction(settings: Settings) -> str:
    web, ocr = settings.web_server, settings.ocr
    process = ocr.process
    limits = [
        f"* body: {web.max_body_mb:g} MiB, then 413 `body_too_large`",
        f"* batch: {settings.jobs.max_batch_files:,} files and {settings.jobs.max_batch_mb:g} MiB, "
        "then 413 `body_too_large`",
        f"* image: {ocr.max_pixels:,} pixels, then 413 `too_many_pixels`",
        f"* queue: {process.queue_size} images, then 503 `queue_full`",
        f"* time in the queue: {process.queue_timeout_seconds:g} s, then 504 `queue_timeout`",
        f"* recognition time: {process.timeout_seconds:g} s, then 504 `ocr_timeout`",
        f"* results are kept for {settings.service.time:g} s, "
        f"jobs for {settings.service.job_seconds:g} s",
    ]
    *others, last = accepted_formats()
    formats = f"{', '.join(others)} and {last}"
    return "\n".join(
        [
            f"Accepted image types are {formats}, detected from the bytes, not from the name or "
            "Content-Type. Of several frames or pages, the first is recognized.",
            "",
            "Limits of this server:",
            "",
            *limits,
            "",
            "Each request needs a key."
            if settings.access.required
            else "Requests without a key are accepted, as the user `anonymous`.",
            *_dialects(settings),
        ]
    )


def _dialects(settings: Settings) -> list[str]:
    """The paths of other servers' APIs; they are described where those servers are."""
    rows = list(chosen(settings.web_server.dialects))
    if not rows:
        return []
    lines = [
        f"* {row.server}: {', '.join(row.addresses)}; the same below `{row.prefix}`" for row in rows
    ]
    return ["", "This server also speaks the APIs of:", "", *lines]
