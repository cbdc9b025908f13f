"""GET /healthz?probe=1: what it answers, and who may ask."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.fake_recognizers import Illiterate, load_illiterate
from tests.support.live_server import LiveServer


@pytest.fixture(scope="module")
def illiterate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A server whose models find no text."""
    folder = tmp_path_factory.mktemp("illiterate")
    with LiveServer(folder, number=1, queue_size=10, load=load_nothing) as server:
        yield server


def load_nothing(journal: Path) -> Illiterate:
    return load_illiterate()


def test_every_worker_reads_the_known_image(wide: LiveServer) -> None:
    done = wide.get("/healthz").json
    answer = wide.get("/healthz?probe=1")
    assert answer.status == 200
    probe = answer.json["probe"]
    assert probe["passed"] is True
    assert 0 <= probe["age_seconds"] < 60
    assert {worker["pid"] for worker in probe["workers"]} == {w["pid"] for w in done["workers"]}
    assert [worker["outcome"] for worker in probe["workers"]] == ["right"] * wide.number
    assert all(worker["seconds"] >= 0 for worker in probe["workers"])
    assert answer.json["completed"] == done["completed"]
    assert answer.json["cache"] == done["cache"]


def test_without_the_parameter_nothing_is_probed(wide: LiveServer) -> None:
    assert "probe" not in wide.get("/healthz").json
    assert "probe" not in wide.get("/healthz?probe=0").json


def test_head_is_answered_like_get(wide: LiveServer) -> None:
    answer = wide.request("HEAD", "/healthz?probe=1")
    assert (answer.status, answer.body) == (200, b"")


def test_503_if_no_worker_reads_it(illiterate: LiveServer) -> None:
    pid = illiterate.get("/healthz").json["workers"][0]["pid"]
    answer = illiterate.get("/healthz?probe=1")
    assert answer.status == 503
    probe = answer.json["probe"]
    assert probe["passed"] is False
    (worker,) = probe["workers"]
    assert (worker["pid"], worker["outcome"]) == (pid, "wrong")


@pytest.mark.parametrize("query", ["probe=2", "probe=x", "probe=", "prob=1", "probe=1&probe=1"])
def test_other_parameters_are_refused(query: str, wide: LiveServer) -> None:
    answer = wide.get(f"/healthz?{query}")
    assert (answer.status, answer.code) == (400, "bad_field")
    assert "prob" in answer.json["error"]["message"]
