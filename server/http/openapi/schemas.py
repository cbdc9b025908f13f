"""Schemas of responses: results, jobs, health and errors."""

from __future__ import annotations

import inspect
from typing import Any, get_args

from ocr_engine.engine import WorkerState
from server.http.errors import STATUS
from server.operations.metrics import CACHE_RESULTS
from server.service.jobs import JobState

Schema = dict[str, Any]


def record(optional: tuple[str, ...] = (), /, **properties: Schema) -> Schema:
    """An object with these properties; all are required except the optional ones."""
    required = [name for name in properties if name not in optional]
    return {"type": "object", "required": required, "properties": properties}


def text(description: str = "", **more: Any) -> Schema:
    """A string."""
    return _described({"type": "string", **more}, description)


def number(description: str = "", **more: Any) -> Schema:
    """A number, by default not negative."""
    return _described({"type": "number", "minimum": 0, **more}, description)


def count(description: str = "", **more: Any) -> Schema:
    """An integer, by default not negative."""
    return _described({"type": "integer", "minimum": 0, **more}, description)


def list_of(items: Schema, description: str = "", **more: Any) -> Schema:
    """An array."""
    return _described({"type": "array", "items": items, **more}, description)


def reference(name: str) -> Schema:
    """A reference to a schema of this file."""
    return {"$ref": f"#/components/schemas/{name}"}


def component_schemas() -> dict[str, Schema]:
    """All schemas by name."""
    return {
        **_result_schemas(),
        **_job_schemas(),
        "Liveness": record(status={"const": "alive"}),
        "Readiness": record(status={"const": "ready"}),
        "Health": _health(),
        "ErrorCode": error_code(),
        "Error": record(
            status={"const": "error"},
            error=record(
                code=reference("ErrorCode"),
                message=text("For people: what is wrong and what would be accepted."),
                request_id=text("The same id as in X-Request-Id."),
            ),
        ),
    }


def error_meanings() -> dict[str, str]:
    """The meaning of each error code: the first line of the docstring of its error."""
    meanings = {}
    for error in STATUS:
        lines = (inspect.getdoc(error) or "").splitlines() or [""]
        meanings[str(getattr(error, "code", "internal_error"))] = lines[0]
    return {**meanings, "internal_error": "Internal error; the log has it under the request id."}


def error_code() -> Schema:
    """The schema of error codes, with their meanings."""
    meanings = error_meanings()
    lines = [f"* `{code}`: {meaning}" for code, meaning in meanings.items()]
    return {"type": "string", "enum": list(meanings), "description": "\n".join(lines)}


def _result_schemas() -> dict[str, Schema]:
    point = list_of({"type": "integer"}, "x and y.", minItems=2, maxItems=2)
    confidence = number("How certain the model is.", maximum=1)
    part = {"text": text(), "confidence": confidence, "box": reference("Box")}
    parts = list_of(reference("TextPart"))
    return {
        "Box": list_of(
            point,
            "Four corners in pixels of the upright image, clockwise from the top left.",
            minItems=4,
            maxItems=4,
        ),
        "TextPart": record(**part),
        "TextLine": record(
            ("words", "chars"),
            **part,
            words=parts | {"description": "Its words, with `granularity=word`."},
            chars=parts | {"description": "Its characters, with `granularity=char`."},
        ),
        "Result": record(
            ("frames",),
            text=text("All lines, separated by newlines."),
            confidence=number("Mean of the lines, weighted by their characters.", maximum=1),
            width=count("Pixels of the upright image.", minimum=1),
            height=count("Pixels of the upright image.", minimum=1),
            lines=list_of(reference("TextLine"), "In reading order."),
            frames=count("Frames or pages in the file, if more than one.", minimum=2),
        ),
        "Answer": record(**_answer_properties()),
        "LegacyAnswer": list_of(
            {
                "type": "array",
                "prefixItems": [
                    reference("Box"),
                    {
                        "type": "array",
                        "prefixItems": [text("The line."), number("Its confidence.", maximum=1)],
                        "minItems": 2,
                        "maxItems": 2,
                    },
                ],
                "minItems": 2,
                "maxItems": 2,
            },
            "`[[box, [text, confidence]], …]`, the answer of the legacy API.",
        ),
    }


def _answer_properties() -> dict[str, Schema]:
    return {
        "status": {"const": "success"},
        "data": reference("Result"),
        "cache": {
            "enum": sorted(CACHE_RESULTS),
            "description": "`miss`: recognized for this request. `hit`: from the cache. "
            "`joined`: from a recognition already in progress.",
        },
        "md5": text("MD5 of the image's bytes.", pattern="^[0-9a-f]{32}$"),
        "elapsed_ms": number(
            "Time from the request's headers to its answer; for a job, to its end."
        ),
        "timestamp": count("Unix time of the answer, in seconds."),
        "request_id": text("The same id as in X-Request-Id."),
    }


def _job_schemas() -> dict[str, Schema]:
    problem = record(code=reference("ErrorCode"), message=text())
    return {
        "Job": record(
            ("position", "error"),
            id=text("An unguessable id.", pattern="^[A-Za-z0-9_-]{1,64}$"),
            state={"enum": list(get_args(JobState))},
            url=text("The address of the job.", format="uri-reference"),
            position=count("The position in the queue while it is queued; 1 is next."),
            error=problem | {"description": "The error of a failed job."},
        ),
        "AcceptedAnswer": record(
            status={"const": "accepted"}, job=reference("Job"), request_id=text()
        ),
        "JobAnswer": record(status={"const": "success"}, job=reference("Job"), request_id=text()),
        "JobResult": record(**_answer_properties(), job=reference("Job")),
    }


def _health() -> Schema:
    engine = record(
        engine=text(),
        precision=text(),
        models=text(),
        threads=count("Threads per worker.", minimum=1),
    )
    worker = record(
        pid={"type": ["integer", "null"]},
        state={"enum": [state.value for state in WorkerState]},
        tasks_done=count(),
        rss_mb=count("Resident memory after its last image, in MiB."),
        uptime_seconds=number(),
        start_seconds={"type": ["number", "null"], "description": "Seconds until it was ready."},
    )
    queue = record(waiting=count(), running=count(), limit=count(), expected_wait_seconds=number())
    outcomes = {name: count() for name in CACHE_RESULTS}
    cache = record(entries=count(), bytes=count(), max_entries=count(), max_bytes=count())
    cache["properties"] |= outcomes
    cache["required"] += outcomes
    return record(
        status={"enum": ["ready", "starting", "draining"]},
        version=text(),
        uptime_seconds=number(),
        engine={"anyOf": [engine, {"type": "null"}], "description": "Null until it is loaded."},
        workers=list_of(worker),
        restarts={
            "type": "object",
            "additionalProperties": count(),
            "description": "Recycled and lost workers by reason.",
        },
        queue=queue,
        requests=record(open=count(), in_flight=count(), bytes=count()),
        completed=count("Images that workers have finished."),
        cache=cache,
        jobs=count("Jobs that are kept."),
    )


def _described(schema: Schema, description: str) -> Schema:
    return {**schema, "description": description} if description else schema
