"""What /healthz and /metrics of front ends and nodes say, and what asks for it."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import redis
import yaml

from tests.support.cards import card
from tests.support.checkout import ROOT
from tests.support.clusters import Cluster
from tests.support.monitoring import FILES, check, expressions_of, labels_of
from tests.support.rabbitmq import RabbitMQ
from tests.support.redis_server import Redis
from tests.support.server_process import ServerProcess
from tests.support.watching import wait_until

NAMED = re.compile(r"\b(ocr_\w+)\b(?:\{([^}]*)\})?")


def cluster_of(server: ServerProcess) -> dict[str, Any]:
    found: dict[str, Any] = server.health()["cluster"]
    return found


def states(server: ServerProcess) -> dict[str, str]:
    return {name: cluster_of(server)[name]["state"] for name in ("broker", "cache", "state")}


def wait_for(servers: tuple[ServerProcess, ...], expected: dict[str, str]) -> None:
    wait_until(lambda: all(states(each) == expected for each in servers), f"{expected}", 60)


def shown(server: ServerProcess) -> set[str]:
    body = server.get("/metrics").body.decode()
    return set(re.findall(r"^# TYPE (ocr_\w+) ", body, re.MULTILINE))


def test_health_shows_the_cluster(
    cluster: Cluster, clients: ThreadPoolExecutor, gate: Path
) -> None:
    node = cluster.node(number=2)
    front = cluster.front()
    wait_until(lambda: states(node)["broker"] == "open", "a node with a connection")
    waiting = [clients.submit(front.upload, card(f"hold {gate} {n}")) for n in range(6)]
    wait_until(lambda: cluster_of(front)["leases"] == 2, "two images at the node")
    wait_until(lambda: cluster_of(front)["nodes"][0]["busy"] == 2, "a heartbeat that says so")
    health = cluster_of(front)
    assert health["role"] == "front"
    assert states(front) == {"broker": "open", "cache": "open", "state": "open"}
    assert (health["window"], health["sent"]) == (3, 3)
    assert health["waiting"] == {"keys": 0, "anonymous": 3, "jobs": 0}
    (at_node,) = health["nodes"]
    assert (at_node["slots"], at_node["busy"]) == (2, 2)
    assert at_node["address"].endswith(":0")
    assert [each["id"] for each in health["fronts"]] != []
    assert cluster_of(node)["role"] == "node" and cluster_of(node)["leases"] == 2
    assert "nodes" not in cluster_of(node)
    gate.unlink()
    assert {each.result(20).status for each in waiting} == {200}
    other = cluster.front()
    assert other.upload(card(f"hold {gate} 1")).status == 200
    assert cluster_of(other)["shared_hits"] == 1
    assert cluster_of(node)["duplicates"] == cluster_of(front)["republished"] == 0


def are(servers: list[ServerProcess], expected: dict[str, str]) -> bool:
    """Whether these servers see the others in these states."""
    return all(states(each) == expected for each in servers)


@pytest.mark.faults(127)
def test_health_says_which_shared_server_is_away(
    tmp_path: Path, vhost: str, redis_server: Redis, rabbitmq: RabbitMQ
) -> None:
    with Redis() as cache, Cluster(tmp_path, vhost, redis_server.url(), cache.url()) as cluster:
        node = cluster.node()
        front = cluster.front()
        well = {"broker": "open", "cache": "open", "state": "open"}
        both = (front, node)
        wait_for(both, well)
        for name, server in (("cache", cache), ("state", redis_server), ("broker", rabbitmq)):
            server.kill()
            wait_for(both, {**well, name: "unavailable"})
            assert cluster_of(front)[name]["problem"]
            server.start()
            wait_for(both, well)
        assert front.upload(card("after all")).status == 200


def test_metrics_are_documented_and_the_dashboard_and_alerts_ask_for_them(
    cluster: Cluster,
) -> None:
    node = cluster.node()
    front = cluster.front()
    page = (ROOT / "docs" / "cluster.md").read_text(encoding="utf-8")
    told = set(re.findall(r"`(ocr_cluster_\w+)`", page))
    at_front = shown(front)
    assert told == {name for name in at_front | shown(node) if name.startswith("ocr_cluster_")}
    assert "ocr_workers" not in at_front and "ocr_workers" in shown(node)
    groups = yaml.safe_load((FILES / "cluster-alerts.yml").read_text())["groups"]
    alerts = [rule["expr"] for group in groups for rule in group["rules"]]
    dashboard = expressions_of("cluster-dashboard.json")
    assert len(dashboard) > 10 and len(alerts) > 3
    for expression in (*alerts, *dashboard):
        for name, matchers in NAMED.findall(expression):
            assert name in at_front, expression
            assert set(re.findall(r"(\w+)=", matchers)) <= labels_of(name), expression


def test_the_alerts_of_a_cluster_fire_when_they_should() -> None:
    status, said = check("promtool", "test", "rules", FILES / "cluster-alerts_test.yml")
    assert status == 0, said


def test_every_alert_of_a_cluster_has_a_test_and_a_description() -> None:
    rules = yaml.safe_load((FILES / "cluster-alerts.yml").read_text())["groups"][0]["rules"]
    tests = (FILES / "cluster-alerts_test.yml").read_text()
    page = (ROOT / "docs" / "cluster.md").read_text(encoding="utf-8")
    for rule in rules:
        assert f"alertname: {rule['alert']}\n" in tests and f"`{rule['alert']}`" in page


def test_an_image_is_in_redis_only_while_it_is_on_its_way(
    cluster: Cluster, clients: ThreadPoolExecutor, gate: Path, redis_server: Redis
) -> None:
    cluster.node()
    front = cluster.front()
    with redis.Redis.from_url(redis_server.url()) as state:
        waiting = clients.submit(front.upload, card(f"hold {gate}"))
        wait_until(lambda: len(state.keys("ocr:blob:*")) == 1, "an image on its way")
        gate.unlink()
        assert waiting.result(20).status == 200
        assert state.keys("ocr:blob:*") == []
