"""The queues of the broker, and how Celery frames a message in them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from kombu import Queue

READ_QUEUE = "ocr"
DEAD_QUEUE = "ocr.dead"  # what no node understands, or has acknowledged: for people
READ_TASK = "ocr.read"

HEARTBEAT_SECONDS = 10
VISIBILITY_SECONDS = 120  # Redis only: after this time it gives a message to another node
_DELIVERY_LIMIT = 20
_DEAD_SECONDS = 7 * 86_400
_MOST_DEAD = 10_000


def is_rabbitmq(url: str) -> bool:
    """Whether this is the URL of RabbitMQ, not of Redis."""
    return url.startswith(("amqp://", "amqps://"))


def queues(url: str) -> tuple[Queue, Queue]:
    """The queue for nodes, and the one for dead messages."""
    if not is_rabbitmq(url):
        return Queue(READ_QUEUE), Queue(DEAD_QUEUE)
    quorum = {"x-queue-type": "quorum"}
    to_read = {
        **quorum,
        "x-delivery-limit": _DELIVERY_LIMIT,
        "x-dead-letter-exchange": "",
        "x-dead-letter-routing-key": DEAD_QUEUE,
    }
    dead = {**quorum, "x-message-ttl": _DEAD_SECONDS * 1000, "x-max-length": _MOST_DEAD}
    return (
        Queue(READ_QUEUE, queue_arguments=to_read),
        Queue(DEAD_QUEUE, queue_arguments=dead),
    )


def transport_options(url: str) -> Mapping[str, Any]:
    """The options of kombu for this broker."""
    if is_rabbitmq(url):
        return {"confirm_publish": True}
    return {
        "visibility_timeout": VISIBILITY_SECONDS,
        "socket_timeout": 5.0,
        "socket_connect_timeout": 2.0,
        "health_check_interval": 5,
    }


def celery_headers(name: str) -> dict[str, Any]:
    """The headers of a task of Celery's message protocol, version 2. name: of the message."""
    return {"lang": "py", "task": READ_TASK, "id": name, "root_id": name, "parent_id": None}


def celery_body(payload: Mapping[str, Any]) -> bytes:
    """The body of a task with this argument."""
    return json.dumps([[payload], {}, {}], separators=(",", ":")).encode()
