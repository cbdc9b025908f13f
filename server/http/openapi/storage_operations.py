"""The operation by which object stores report their events."""

from __future__ import annotations

from typing import Any

from server.formats.examples import REQUEST_ID
from server.http.openapi.parameters import shared
from server.http.openapi.responses import JSON, errors, plain
from server.http.openapi.typed_schemas import reference
from server.jobs.record import MAX_WAIT_SECONDS

EVENT = {
    "Records": [
        {
            "eventVersion": "2.1",
            "eventSource": "aws:s3",
            "eventName": "ObjectCreated:Put",
            "s3": {
                "bucket": {"name": "scans"},
                "object": {
                    "key": "in/page+1.png",
                    "size": 104857,
                    "eTag": "d41d8cd98f00b204e9800998ecf8427e",
                    "sequencer": "0055AED6DCD90281E5",
                },
            },
        }
    ]
}
SECURITY_SCHEMES = {
    "EventsToken": {
        "type": "http",
        "scheme": "bearer",
        "description": "`Authorization: Bearer TOKEN`, with `storage.events_token`",
    }
}


def describe_storage() -> dict[str, dict[str, Any]]:
    """The route for events."""
    wait = {
        "name": "wait",
        "in": "query",
        "description": "The longest time to wait until all objects are finished, in seconds.",
        "schema": {"type": "number", "minimum": 0, "maximum": MAX_WAIT_SECONDS},
    }
    body = {
        "type": "object",
        "description": "An event of S3 (AWS, Ceph, MinIO, RustFS), alone or in SNS, SQS or "
        "EventBridge, or one of SeaweedFS.",
    }
    answer = {"objects": {"accepted": 1, "ignored": 0}, "request_id": REQUEST_ID}
    states = {"pending": 0, "done": 1, "failed": 0, "gone": 0}
    finished = {"status": "success", **answer, "states": states}
    accepted = {"status": "accepted", **answer}
    schema = reference("EventsAnswer")
    return {
        "/events/s3": {
            "post": {
                "tags": ["Storage"],
                "operationId": "postStorageEvents",
                "summary": "Report the objects that were created in a bucket",
                "description": "Each version of an object is read once, however often it is "
                "reported. Any Content-Type is accepted, and no address in an event is opened.",
                "security": [{"EventsToken": []}],
                "parameters": [wait, *shared("RequestId")],
                "requestBody": {
                    "required": True,
                    "content": {JSON: {"schema": body, "example": EVENT}},
                },
                "responses": {
                    "200": plain("With `wait`: all objects are finished.", JSON, schema, finished),
                    "202": plain("The objects will be read.", JSON, schema, accepted),
                    **errors(400, 401, 403, 404, 413, 429, 500, 503),
                },
            }
        }
    }
