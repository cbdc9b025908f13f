"""Row 128: which nodes, of those that were lost with an image, count as evidence against it."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator

import pytest
from redis import Redis as Client

from ocr_cluster.members import LOST_NODES, NODE_PREFIX
from ocr_cluster.scripts import BEGIN, BETWEEN_MS, FINISH, LEASE_MS, MAX_DEATHS, RENEW
from ocr_cluster.work import lease_name, task_name
from tests.support.redis_server import Redis

_TASK, _LEASE = task_name("flight"), lease_name("flight")


class Flight:
    """An image that nodes begin one after the other, as the scripts see it."""

    def __init__(self, state: Client) -> None:
        self._state = state
        self._numbers = itertools.count(1)
        state.hset(_TASK, "attempt", 1)

    def begin(self, between_ms: int = 0, most_deaths: int = MAX_DEATHS) -> tuple[str, str]:
        """A living node wants to begin it; the node, and what it is told."""
        node = f"node{next(self._numbers)}"
        self._state.set(NODE_PREFIX + node, "{}")
        given = 1, node, LEASE_MS, NODE_PREFIX, between_ms, most_deaths
        found = self._state.eval(BEGIN, 3, _TASK, _LEASE, LOST_NODES, *given)
        assert isinstance(found, bytes)
        return node, found.decode()

    def renew(self, node: str, settled_ms: int) -> None:
        """The node still has it."""
        assert self._state.eval(RENEW, 2, _TASK, _LEASE, 1, node, LEASE_MS, settled_ms) == b"held"

    def give_back(self, node: str) -> None:
        """The node says that another one is to read it."""
        given = 1, "{}", 1000, "flight", "front", "done", 0, node, "{}"
        assert self._state.eval(FINISH, 5, _TASK, _LEASE, "outcome", "claim", "blob", *given) == 1

    def die(self, node: str) -> None:
        """The node ends, and front ends have noticed."""
        self._state.delete(NODE_PREFIX + node)
        self._state.incr(LOST_NODES)

    def begin_and_die(self, times: int = MAX_DEATHS) -> None:
        """Nodes die when they have just begun it."""
        for _ in range(times):
            node, told = self.begin()
            assert told == "begun"
            self.die(node)


@pytest.fixture
def state(redis_server: Redis) -> Iterator[Client]:
    """A client of the Redis server."""
    with contextlib.closing(Client(port=redis_server.port)) as client:
        yield client


@pytest.fixture
def flight(state: Client) -> Flight:
    """An image that no node has begun."""
    return Flight(state)


@pytest.mark.faults(128)
def test_nodes_that_die_one_after_the_other_when_they_have_begun_an_image(flight: Flight) -> None:
    flight.begin_and_die()
    assert flight.begin()[1] == "poison"


@pytest.mark.faults(128)
def test_one_node_fewer_is_no_evidence(flight: Flight) -> None:
    flight.begin_and_die(MAX_DEATHS - 1)
    assert flight.begin()[1] == "begun"


@pytest.mark.faults(128)
def test_other_nodes_were_lost_meanwhile(flight: Flight) -> None:
    flight.begin_and_die()
    flight.die("without this image")
    assert flight.begin()[1] == "begun"


@pytest.mark.faults(128)
def test_nodes_that_were_lost_before_the_image_came(state: Client) -> None:
    state.set(LOST_NODES, 7)
    flight = Flight(state)
    flight.begin_and_die()
    assert flight.begin()[1] == "poison"


@pytest.mark.faults(128)
def test_leases_that_run_out_at_nodes_that_live(flight: Flight) -> None:
    for _ in range(3 * MAX_DEATHS):
        assert flight.begin()[1] == "begun"


@pytest.mark.faults(128)
def test_nodes_that_have_lived_with_the_image_for_a_while(flight: Flight) -> None:
    for _ in range(MAX_DEATHS):
        node, _ = flight.begin()
        flight.renew(node, settled_ms=0)
        flight.die(node)
    assert flight.begin()[1] == "begun"


@pytest.mark.faults(128)
def test_nodes_that_have_renewed_their_lease_once(flight: Flight) -> None:
    for _ in range(MAX_DEATHS):
        node, _ = flight.begin()
        flight.renew(node, settled_ms=60_000)
        flight.die(node)
    assert flight.begin()[1] == "poison"


@pytest.mark.faults(128)
def test_nodes_that_stop_and_give_the_image_back(flight: Flight) -> None:
    for _ in range(MAX_DEATHS):
        node, _ = flight.begin()
        flight.give_back(node)
        flight.die(node)
    assert flight.begin()[1] == "begun"


@pytest.mark.faults(128)
def test_an_image_that_was_read_before_is_above_suspicion(flight: Flight) -> None:
    flight.begin_and_die()
    assert flight.begin(most_deaths=0)[1] == "begun"


@pytest.mark.faults(128)
def test_after_two_suspicious_begins_there_is_time_between(flight: Flight) -> None:
    for _ in range(2):
        assert flight.begin(BETWEEN_MS)[1] == "begun"
    assert flight.begin(BETWEEN_MS)[1] == "later"
    assert flight.begin(between_ms=0)[1] == "begun"
