"""The operations of jobs, with their parameters and responses."""

from __future__ import annotations

from typing import Any

from server.formats.examples import ANSWER, REQUEST_ID
from server.http.openapi import examples
from server.http.openapi.parameters import Parameter, in_query, shared
from server.http.openapi.responses import (
    JSON,
    errors,
    headers,
    optional_header,
    plain,
    result,
    result_content,
)
from server.http.openapi.schemas import text
from server.http.openapi.typed_schemas import reference
from server.intake.request_fields import RENDERING_FIELDS
from server.jobs.record import PAGE_FIELDS
from server.settings.constraints import Flag, Schema

RESULT_ERRORS = (400, 401, 403, 404, 409, 410, 413, 415, 422, 429, 500, 502, 503, 504)
RESULTS = tuple(map(reference, ("JobResult", "FlatJobResult", "DocumentAnswer")))
Operation = dict[str, Any]


def describe_jobs(fields: dict[str, Schema]) -> dict[str, dict[str, Any]]:
    """The routes below /jobs."""
    chosen = in_query(fields, RENDERING_FIELDS)
    for each in chosen:
        each["description"] += " By default as chosen for the job."
        each["schema"] = {key: value for key, value in each["schema"].items() if key != "default"}
    one = {"parameters": shared("JobId")}
    return {
        "/jobs": {"get": _list()},
        "/jobs/{id}": {**one, "get": _get(chosen), "delete": _delete()},
        "/jobs/{id}/result": {**one, "get": _result(chosen)},
        "/jobs/{id}/events": {**one, "get": _events()},
    }


def _list() -> Operation:
    after = text() | {"minLength": 1, "maxLength": 64, "pattern": "^[A-Za-z0-9_-]+$"}
    parameters = [
        _query("state", "Only jobs in this state.", PAGE_FIELDS["state"].schema()),
        _query("after", "The id of the last job of the previous page.", after),
        _query("limit", "Jobs per page; 20 by default.", PAGE_FIELDS["limit"].schema()),
    ]
    example = {
        "status": "success",
        "jobs": [examples.DONE],
        "next": None,
        "request_id": REQUEST_ID,
    }
    return {
        "tags": ["Jobs"],
        "operationId": "listJobs",
        "summary": "List your jobs, the newest first",
        "description": "`next` is null on the last page.",
        "parameters": [*parameters, *shared("RequestId")],
        "responses": {
            "200": plain("A page of jobs.", JSON, reference("JobList"), example),
            **errors(400, 401, 403, 404, 410, 429, 500, 503),
        },
    }


def _get(chosen: list[Parameter]) -> Operation:
    state = {"status": "success", "request_id": REQUEST_ID}
    finished_examples = {
        "queued": state | {"job": examples.QUEUED},
        "failed": state | {"job": examples.FAILED},
        "done": ANSWER | {"job": examples.DONE},
    }
    several = (reference("JobAnswer"), *RESULTS)
    found = {
        "description": "The job's state; its result in the requested format when it is done.",
        "headers": {
            **headers("X-Job-State", "Age"),
            **{name: optional_header(name) for name in ("Retry-After", "X-Cache", "Server-Timing")},
        },
        "content": result_content(several, **finished_examples),
    }
    return {
        "tags": ["Jobs"],
        "operationId": "getJob",
        "summary": "Get the state or result of a job",
        "description": "A failed job is also answered with 200; see `job.state` and `job.error`.",
        "parameters": [*shared("Wait"), *chosen, *shared("RequestId")],
        "responses": {"200": found} | errors(400, 401, 403, 404, 410, 429, 500, 503),
    }


def _delete() -> Operation:
    erase = _query("erase", "Delete a finished job with its result.", Flag().schema())
    return {
        "tags": ["Jobs"],
        "operationId": "cancelJob",
        "summary": "Cancel a job, or erase a finished one",
        "description": "Queued work is dropped. A recognition in progress is stopped, unless "
        "another request waits for it.",
        "parameters": [erase, *shared("RequestId")],
        "responses": {
            "204": {"description": "The job is cancelled or erased.", "headers": headers()},
            **errors(400, 401, 403, 404, 409, 410, 429, 503),
        },
    }


def _result(chosen: list[Parameter]) -> Operation:
    done = result()
    done["content"] = result_content(RESULTS, done=ANSWER | {"job": examples.DONE})
    return {
        "tags": ["Jobs"],
        "operationId": "getJobResult",
        "summary": "Get the result of a job in any format and order",
        "description": "409 if the job is not finished or was cancelled; a failed job answers with "
        "the status and the code of its error.",
        "parameters": [*chosen, *shared("RequestId")],
        "responses": {"200": done} | errors(*RESULT_ERRORS),
    }


def _events() -> Operation:
    last = {
        "name": "Last-Event-ID",
        "in": "header",
        "description": "The id of the last event that the client has.",
        "schema": text(),
    }
    event = {
        "type": "object",
        "required": ["id", "event", "data"],
        "properties": {
            "id": text(pattern="^[0-9]+$"),
            "event": {"enum": ["state", "end"]},
            "data": text(),
        },
    }
    stream = plain("Server-Sent Events.", "text/event-stream", event)
    return {
        "tags": ["Jobs"],
        "operationId": "getJobEvents",
        "summary": "Follow a job with Server-Sent Events",
        "description": "An event `state` for each change, with the job as JSON, and `end` for the "
        "last one. Ids are versions of the job.",
        "parameters": [last, *shared("RequestId")],
        "responses": {"200": stream} | errors(401, 403, 404, 410, 429, 500, 503),
    }


def _query(name: str, description: str, schema: Schema) -> dict[str, Any]:
    return {"name": name, "in": "query", "description": description, "schema": schema}
