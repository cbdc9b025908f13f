"""Fixtures of the cluster's tests: brokers and Redis servers, which start slowly."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.clusters import Cluster
from tests.support.rabbitmq import rabbitmq, rabbitmq_of_all, vhost
from tests.support.redis_server import Redis, redis_server

__all__ = ["rabbitmq", "rabbitmq_of_all", "redis_server", "vhost"]


@pytest.fixture
def clients() -> Iterator[ThreadPoolExecutor]:
    """Threads for concurrent clients."""
    with ThreadPoolExecutor(16) as pool:
        yield pool


@pytest.fixture
def cluster(tmp_path: Path, vhost: str, redis_server: Redis) -> Iterator[Cluster]:
    """A cluster on RabbitMQ and one Redis, without processes so far."""
    with Cluster(tmp_path, vhost, redis_server.url()) as started:
        yield started
