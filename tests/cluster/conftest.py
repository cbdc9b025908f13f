"""Fixtures of the cluster's tests: brokers, Redis servers, and clusters on them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from server.database.location import Location, locate
from server.database.schema import upgrade
from tests.support.clusters import Cluster
from tests.support.databases import postgresql
from tests.support.postgresql import PostgreSQL
from tests.support.rabbitmq import RabbitMQ, rabbitmq, rabbitmq_of_all, vhost
from tests.support.redis_server import Redis, redis_server
from tests.support.server_process import ServerProcess

__all__ = ["postgresql", "rabbitmq", "rabbitmq_of_all", "redis_server", "vhost"]

_numbers = itertools.count(1)


@pytest.fixture
def clients() -> Iterator[ThreadPoolExecutor]:
    """Threads for concurrent clients."""
    with ThreadPoolExecutor(32) as pool:
        yield pool


@pytest.fixture
def cluster(tmp_path: Path, vhost: str, redis_server: Redis) -> Iterator[Cluster]:
    """A cluster on RabbitMQ and one Redis, without processes so far."""
    with Cluster(tmp_path, vhost, redis_server.url()) as started:
        yield started


@pytest.fixture(scope="module")
def database(postgresql: PostgreSQL) -> Location:
    """A PostgreSQL database that all processes of a cluster share."""
    location = locate(postgresql.create_database(f"cluster{next(_numbers)}"), Path("/nowhere"))
    upgrade(location)
    return location


@pytest.fixture(scope="module")
def pair(
    tmp_path_factory: pytest.TempPathFactory, rabbitmq_of_all: RabbitMQ, database: Location
) -> Iterator[tuple[ServerProcess, ServerProcess, ServerProcess]]:
    """A node with two workers, and two front ends, on RabbitMQ, Redis and PostgreSQL."""
    folder, url = tmp_path_factory.mktemp("pair"), rabbitmq_of_all.create_vhost()
    plain = database.url.replace("+psycopg", "")
    given = {"database": {"url": plain}, "service": {"time": 600.0}}
    with Redis() as redis, Cluster(folder, url, redis.url(), more=given) as cluster:
        node = cluster.node(number=2)
        first, second = cluster.fronts(2)
        yield node, first, second
