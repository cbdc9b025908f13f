"""The clusters that benchmarks/cluster.py measures, and their clients."""

from __future__ import annotations

import io
import itertools
import random
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException
from pathlib import Path
from typing import Any

import psycopg
from PIL import Image

from server.database.location import Location, locate
from server.database.schema import upgrade
from tests.support.cards import card
from tests.support.clusters import Cluster
from tests.support.http_client import Reply
from tests.support.postgresql import PostgreSQL
from tests.support.rabbitmq import RabbitMQ
from tests.support.redis_server import Redis
from tests.support.server_process import ServerProcess

CLIENTS = 16
SHIP_SECONDS = 20.0  # for usage to be in the database
_numbers = itertools.count(1)


class Servers:
    """The brokers, Redis and PostgreSQL, from which each part gets an empty cluster."""

    def __init__(
        self, folder: Path, redis: Redis, rabbitmq: RabbitMQ, postgresql: PostgreSQL
    ) -> None:
        self._folder = folder
        self._redis = redis
        self._rabbitmq = rabbitmq
        self._postgresql = postgresql

    def database(self) -> Location:
        """An empty database that the processes of a cluster may share."""
        url = self._postgresql.create_database(f"cluster{next(_numbers)}")
        location = locate(url, self._folder)
        upgrade(location)
        return location

    def cluster(
        self, broker: str = "rabbitmq", database: Location | None = None, fakes: bool = True
    ) -> Cluster:
        """An empty cluster on this broker; with a database, it counts usage. fakes: see Cluster."""
        number = next(_numbers)
        folder = self._folder / str(number)
        folder.mkdir()
        place = 2 * (number % 8)  # Redis has 16 databases
        url = self._redis.url(place + 1)
        if broker == "rabbitmq":
            url = self._rabbitmq.create_vhost()
        more: dict[str, Any] = {
            "service": {"time": 3600.0},
            "cluster": {"broker_seconds": 30.0},
        }
        if database is not None:
            more |= {"database": {"url": plain_url(database)}, "usage": {"enabled": True}}
        process = {"queue_size": 2000, "queue_timeout_seconds": 600}
        state = self._redis.url(place)
        return Cluster(folder, url, state, more=more, process=process, quiet=True, fakes=fakes)


def plain_url(database: Location) -> str:
    """The URL without the name of its driver."""
    return database.url.replace("+psycopg", "")


def charged(database: Location, answered: int) -> tuple[int, int]:
    """How many requests and images were counted, when there are as many as clients have seen."""
    query = "SELECT count(*), coalesce(sum(images), 0) FROM usage_event WHERE code = ''"
    deadline = time.monotonic() + SHIP_SECONDS
    with psycopg.connect(plain_url(database), autocommit=True) as connection:
        while True:
            ((requests, images),) = connection.execute(query).fetchall()
            if requests >= answered or time.monotonic() > deadline:
                return requests, int(images)
            time.sleep(1.0)


def upload_all(fronts: Sequence[ServerProcess], texts: Sequence[str]) -> list[Reply | Exception]:
    """Upload these cards concurrently, to the front ends in turn."""

    def upload(numbered: tuple[int, str]) -> Reply | Exception:
        try:
            return fronts[numbered[0] % len(fronts)].upload(card(numbered[1]))
        except (OSError, HTTPException) as error:
            return error

    with ThreadPoolExecutor(CLIENTS) as clients:
        return list(clients.map(upload, enumerate(texts)))


def noisy_card(text: str) -> bytes:
    """A card of about 200 KB."""
    small = Image.open(io.BytesIO(card(text)))
    image = Image.frombytes("L", (450, 450), random.Random(text).randbytes(450 * 450))
    image.paste(255, (0, 0, 450, 1))
    image.paste(small.crop((0, 0, small.width, 1)), (0, 0))
    encoded = io.BytesIO()
    image.save(encoded, "PNG")
    return encoded.getvalue()
