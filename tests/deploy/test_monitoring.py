"""deploy/monitoring: Prometheus and Alertmanager accept the files and ask for what exists."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from ocr_engine.engine import WorkerState
from ocr_engine.pool.exits import EXIT_LABELS
from server.formats.answer import CacheOutcome
from server.settings.operation_settings import AlertSettings
from tests.support.cards import card
from tests.support.checkout import ROOT
from tests.support.monitoring import (
    FILES,
    MonitoringProgram,
    alertmanager,
    changed,
    check,
    cloudwatch_metrics,
    dashboard_expressions,
    labels_of,
    prometheus,
)
from tests.support.receivers import Received, Receiver
from tests.support.server_process import ServerProcess
from tests.support.watching import wait_until

pytestmark = pytest.mark.slow

RULES: list[dict[str, Any]] = yaml.safe_load((FILES / "alerts.yml").read_text())["groups"][0][
    "rules"
]
VALUES = {  # all that these labels may be
    "state": {state.value for state in WorkerState},
    "reason": set(EXIT_LABELS),
    "result": set(get_args(CacheOutcome)),
    "folder": {"state", "temporary"},
}
OF_PROMETHEUS = {"up"}  # a metric that Prometheus makes itself
SELECTOR = re.compile(r"\b([a-z]\w*_\w+|up)\b(?!\s*\()(?:\{([^}]*)\})?")
MATCHER = re.compile(r'(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"')


@dataclass
class Watched:
    """A server whose /metrics needs a key, Prometheus, and where alerts arrive."""

    server: ServerProcess
    prometheus: MonitoringProgram
    receiver: Receiver


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    folder = tmp_path_factory.mktemp("watched")
    settings = {
        "access": {"required": True, "admin_key": "of the operator"},
        "ocr": {"process": {"number": 1}},
    }
    with ServerProcess(folder, settings, fakes=True) as server, Receiver() as receiver:
        key = folder / "ocr-key"
        key.write_text(metrics_key(folder))
        with (
            alertmanager(folder, receiver.url("/alerts")) as port,
            prometheus(folder, server.port, key, port) as running,
        ):
            yield Watched(server, running, receiver)


def metrics_key(folder: Path) -> str:
    """A key as docs/operations.md says to make it."""
    done = subprocess.run(
        [sys.executable, "-m", "server", "keys", "add", "prometheus", "--scopes", "metrics"],
        cwd=ROOT,
        env={"XDG_STATE_HOME": str(folder / "state"), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    (key,) = re.findall(r"\bocr_\w{20,}\b", done.stdout)
    return str(key)


def test_promtool_accepts_the_configuration(tmp_path: Path) -> None:
    changed(tmp_path, "alerts.yml")
    (tmp_path / "key").touch()
    config = changed(tmp_path, "prometheus.yml", ("/etc/prometheus/ocr-key", f"{tmp_path}/key"))
    status, said = check("promtool", "check", "config", config)
    assert (status, f"{len(RULES)} rules found" in said) == (0, True), said


def test_the_alerts_fire_when_they_should() -> None:
    status, said = check("promtool", "test", "rules", FILES / "alerts_test.yml")
    assert status == 0, said


def test_every_alert_has_a_test_and_a_description() -> None:
    tests = yaml.safe_load((FILES / "alerts_test.yml").read_text())["tests"]
    fired = {
        case["alertname"]
        for test in tests
        for case in test["alert_rule_test"]
        if case.get("exp_alerts")
    }
    page = (ROOT / "docs" / "deployment.md").read_text(encoding="utf-8")
    told = set(re.findall(r"^\| `(Ocr\w+)` \|", page, re.MULTILINE))
    assert fired == told == {rule["alert"] for rule in RULES}


def test_the_disk_is_low_where_the_built_in_alert_says_so() -> None:
    (rule,) = (rule for rule in RULES if rule["alert"] == "OcrDiskLow")
    assert rule["expr"] == f"ocr_disk_free_bytes < {AlertSettings().min_disk_mb} * 1024 * 1024"


def test_requests_fail_as_often_as_the_built_in_alert_says() -> None:
    (rule,) = (rule for rule in RULES if rule["alert"] == "OcrErrorRate")
    assert rule["expr"].endswith(f"> {AlertSettings().error_percent / 100}")


def test_amtool_accepts_the_configuration() -> None:
    status, said = check("amtool", "check-config", FILES / "alertmanager.yml")
    assert (status, "1 receivers" in said) == (0, True), said


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("increase(", "increased("),
        ("for: 1m", "after: 1m"),
        ("> 2.5", "> 3.5"),
        ('state=~"ready|busy"', 'state="ready"'),
        ("for: 5m", "for: 1m"),
        (', error!="queue_full"', ""),
        ("500 * 1024 * 1024", "50 * 1024 * 1024"),
        ("ocr_connections >= ocr", "ocr_connections > ocr"),
    ],
)
def test_a_mistake_in_the_alerts_fails(tmp_path: Path, right: str, wrong: str) -> None:
    changed(tmp_path, "alerts.yml", (right, wrong))
    tests = changed(tmp_path, "alerts_test.yml")
    assert check("promtool", "test", "rules", tests)[0] != 0


def test_a_mistake_in_the_configurations_fails(tmp_path: Path) -> None:
    changed(tmp_path, "alerts.yml")
    config = changed(tmp_path, "prometheus.yml", ("scrape_interval", "scrape_intervall"))
    assert check("promtool", "check", "config", "--syntax-only", config)[0] != 0
    config = changed(tmp_path, "alertmanager.yml", ("webhook_configs", "webhook_config"))
    assert check("amtool", "check-config", config)[0] != 0


def test_every_expression_of_the_dashboard_has_data(watched: Watched) -> None:
    headers = {"Authorization": "Bearer of the operator"}
    for text in ("read", "read", "fail"):
        watched.server.upload(card(text), headers)
    missing = dashboard_expressions()
    assert len(missing) > 20

    def all_have_data() -> bool:
        missing[:] = [each for each in missing if not watched.prometheus.query(each)]
        return not missing

    wait_until(all_have_data, f"data for {missing}", 60)


def test_every_alert_names_metrics_and_labels_that_exist(watched: Watched) -> None:
    wait_until(lambda: watched.prometheus.query("ocr_workers"), "the first samples")
    for expression in [*dashboard_expressions(), *(rule["expr"] for rule in RULES)]:
        assert unknown(expression, watched) == [], expression


@pytest.mark.parametrize(
    "expression",
    [
        "ocr_que_depth > 0",
        'ocr_workers{stat="ready"}',
        'ocr_workers{state=~"ready|idle"}',
        'rate(ocr_worker_restarts_total{reason!="recicled"}[5m])',
    ],
)
def test_a_name_that_does_not_exist_is_found(watched: Watched, expression: str) -> None:
    wait_until(lambda: watched.prometheus.query("ocr_workers"), "the first samples")
    assert len(unknown(expression, watched)) == 1


def unknown(expression: str, watched: Watched) -> list[str]:
    """The metrics, labels and values in an expression that the server does not have."""
    body = watched.server.get("/metrics", {"Authorization": "Bearer of the operator"}).body.decode()
    kinds = dict(re.findall(r"^# TYPE (\w+) (\w+)$", body, re.MULTILINE))
    problems = []
    for name, matchers in SELECTOR.findall(expression):
        family = re.sub(r"_(bucket|sum|count)$", "", name)
        if name not in kinds and kinds.get(family) != "histogram" and name not in OF_PROMETHEUS:
            problems.append(name)
            continue
        for label, _, value in MATCHER.findall(matchers):
            if label not in labels_of(name):
                problems.append(f"{name}{{{label}}}")
            elif label in VALUES and not set(value.split("|")) <= VALUES[label]:
                problems.append(value)
    return problems


def test_cloudwatch_gets_metrics_that_exist(watched: Watched) -> None:
    for name in cloudwatch_metrics():
        assert unknown(name, watched) == []


def test_a_server_that_is_killed_is_reported_to_the_webhook(watched: Watched) -> None:
    wait_until(lambda: watched.prometheus.query("up == 1"), "a server that is watched")
    watched.server.kill()
    wait_until(lambda: watched.receiver.received, "an alert", 60)
    assert described(watched.receiver.received[0]) == (
        "firing",
        "OcrServerDown",
        f"127.0.0.1:{watched.server.port} does not answer",
    )


def described(received: Received) -> tuple[str, str, str]:
    """State, name and summary of the first alert."""
    (first, *_) = received.json()["alerts"]
    return first["status"], first["labels"]["alertname"], first["annotations"]["summary"]
