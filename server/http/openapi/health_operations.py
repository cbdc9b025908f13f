"""The operations of /livez, /readyz, /healthz and /metrics."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from server.http.openapi import examples
from server.http.openapi.head import with_head
from server.http.openapi.parameters import probe_parameter, shared
from server.http.openapi.responses import JSON, error_components, error_name, errors, plain
from server.http.openapi.schemas import text
from server.http.openapi.typed_schemas import reference


def describe_health() -> dict[str, Any]:
    """The routes that say how the server is."""
    busy = error_components()[error_name(503)]
    codes = {"properties": {"error": {"properties": {"code": {"enum": ["starting", "draining"]}}}}}
    not_ready = {
        **busy,
        "description": "The server cannot recognize images now: `starting` or `draining`.",
        "content": {JSON: {"schema": {"allOf": [reference("Error"), codes]}}},
    }
    live = plain("The event loop runs.", JSON, reference("Liveness"), {"status": "alive"})
    ready = plain("The server is ready.", JSON, reference("Readiness"), {"status": "ready"})
    either = {"anyOf": [reference("Health"), reference("BriefHealth")]}
    health = plain(
        "The server's state; only its `status` if a key is required and not sent.", JSON, either
    )
    unhealthy = plain("No worker has read the known image correctly.", JSON, reference("Health"))
    metrics = plain("Prometheus' text format.", "text/plain", text(), examples.METRICS)
    return {
        "/livez": with_head(_probe("livez", "Liveness probe", {"200": live})),
        "/readyz": with_head(_probe("readyz", "Readiness probe", {"200": ready, "503": not_ready})),
        "/healthz": with_head(
            _probe(
                "healthz",
                "State of workers, queue and cache",
                {"200": health, **errors(400, 401, 403), "503": unhealthy},
                parameters=[probe_parameter()],
            )
        ),
        "/metrics": with_head(
            _probe(
                "metrics",
                "Metrics for Prometheus",
                {"200": metrics, **errors(400, 401, 403, 429, 503)},
                public=False,
            )
        ),
    }


def _probe(
    name: str,
    summary: str,
    answers: dict[str, Any],
    public: bool = True,
    parameters: Sequence[dict[str, Any]] = (),
) -> dict[str, Any]:
    return {
        "tags": ["Health"],
        "operationId": name,
        "summary": summary,
        "parameters": [*shared("RequestId"), *parameters],
        "responses": answers,
        **({"security": []} if public else {}),
    }
