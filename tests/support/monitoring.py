"""Prometheus and Alertmanager with the files of deploy/monitoring, on free ports."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from server_programs import environment, find_program
from tests.support.checkout import ROOT
from tests.support.program import Program, free_port

FILES = ROOT / "deploy" / "monitoring"
START_SECONDS = 60.0
_TEMPLATES = "/usr/share/prometheus/alertmanager"


class MonitoringProgram(Program):
    """Prometheus or Alertmanager as a separate process."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        super().__init__(folder, environment(), stop_seconds=20.0)
        self.port = free_port()

    @contextlib.contextmanager
    def running(self, command: list[str], place: Path) -> Iterator[None]:
        """Run it in this folder, on its port of 127.0.0.1, from ready to its end."""
        self.spawn([*command, f"--web.listen-address=127.0.0.1:{self.port}"], place)
        try:
            self.wait_until_ready("/-/ready", START_SECONDS)
            yield
        finally:
            self.stop()

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The samples of an expression now; fails if Prometheus does not accept it."""
        reply = self.get(f"/api/v1/query?{urlencode({'query': expression})}")
        assert reply.status == 200, (expression, reply.body)
        found: list[dict[str, Any]] = reply.json["data"]["result"]
        return found


def check(program: str, *arguments: str | Path) -> tuple[int, str]:
    """Run promtool or amtool; its exit status and all that it prints."""
    done = subprocess.run(
        [str(find_program(program)), *map(str, arguments)],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def changed(folder: Path, file: str, *pairs: tuple[str, str]) -> Path:
    """A copy of a file of deploy/monitoring with other values."""
    text = (FILES / file).read_text(encoding="utf-8")
    for old, new in pairs:
        assert old in text, old
        text = text.replace(old, new)
    path = folder / file
    path.write_text(text, encoding="utf-8")
    return path


@contextlib.contextmanager
def prometheus(
    folder: Path, watched: int, key: Path, alertmanager: int
) -> Iterator[MonitoringProgram]:
    """Prometheus, which asks a server each second and does not wait before an alert."""
    rules = changed(folder, "alerts.yml")
    rules.write_text(re.sub(r"for: \w+", "for: 0s", rules.read_text()))
    config = changed(
        folder,
        "prometheus.yml",
        ("interval: 15s", "interval: 1s"),
        ("/etc/prometheus/ocr-key", str(key)),
        ("127.0.0.1:8888", f"127.0.0.1:{watched}"),
        ("127.0.0.1:9093", f"127.0.0.1:{alertmanager}"),
    )
    server = MonitoringProgram(folder / "prometheus")
    command = [
        *(str(find_program("prometheus")), f"--config.file={config}"),
        f"--storage.tsdb.path={folder}/data",
    ]
    with server.running(command, folder):
        yield server


@contextlib.contextmanager
def alertmanager(folder: Path, webhook: str) -> Iterator[int]:
    """Alertmanager, which posts immediately; its port."""
    config = changed(
        folder,
        "alertmanager.yml",
        ("http://127.0.0.1:9099/alerts", webhook),
        ("group_wait: 10s", "group_wait: 0s"),
    )
    program, place = _with_its_templates(folder)
    command = [
        *(str(program), f"--config.file={config}", "--cluster.listen-address="),
        f"--storage.path={folder}/alerts",
    ]
    server = MonitoringProgram(folder / "alertmanager")
    with server.running(command, place):
        yield server.port


def _with_its_templates(folder: Path) -> tuple[Path, Path]:
    """Alertmanager, and the folder to start it in.

    Debian's build has the absolute path of its templates. If it was unpacked elsewhere, a copy of
    the program gets a relative path of the same length.
    """
    program = find_program("prometheus-alertmanager")
    if Path(_TEMPLATES).exists():
        return program, folder
    relative = _TEMPLATES.replace("/usr/", "usr//", 1)
    copy = folder / "alertmanager.bin"
    copy.write_bytes(program.read_bytes().replace(_TEMPLATES.encode(), relative.encode()))
    copy.chmod(0o755)
    return copy, program.parents[2]


def dashboard_expressions() -> list[str]:
    """What the dashboard asks, for all servers and the last minute."""
    return expressions_of("dashboard.json")


def expressions_of(name: str) -> list[str]:
    """What a dashboard asks, for all servers and the last minute."""
    return [
        target["expr"]
        .replace("$__rate_interval", "1m")
        .replace("$job", "ocr-server")
        .replace("$instance", ".*")
        for panel in read_json(name)["panels"]
        for target in panel["targets"]
    ]


def cloudwatch_metrics() -> list[str]:
    """The metrics that the agent of CloudWatch takes."""
    agent = read_json("cloudwatch-agent.json")["logs"]["metrics_collected"]["prometheus"]
    declared = agent["emf_processor"]["metric_declaration"]
    return [name.strip("^$") for each in declared for name in each["metric_selectors"]]


def read_json(name: str) -> Any:
    """A JSON file of deploy/monitoring."""
    return json.loads((FILES / name).read_text(encoding="utf-8"))


def labels_of(name: str) -> set[str]:
    """The labels of a metric in the documentation, and those that Prometheus adds."""
    pages = ("operations.md", "cluster.md")
    page = "".join((ROOT / "docs" / each).read_text(encoding="utf-8") for each in pages)
    family = re.sub(r"_(bucket|sum|count)$", "", name)
    rows = re.findall(r"^\| (`ocr_[^|]+) \|([^|]*)\|", page, re.MULTILINE)
    own = [labels for names, labels in rows if f"`{name}`" in names or f"`{family}`" in names]
    return {"job", "instance", "le", *re.findall(r"`(\w+)`", "".join(own))}
