"""deploy/compose.yaml: the schema of Compose accepts it, and its names fit the server."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from server.settings.settings import Settings
from tests.support.checkout import ROOT
from tests.support.manifests import COMPOSE, changed, check_compose

STOP_SECONDS = 15.0  # that the server may need after its grace time


def server() -> dict[str, Any]:
    """The service of the file."""
    (found,) = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))["services"].values()
    assert isinstance(found, dict)
    return found


def named_volumes() -> dict[str, str]:
    """The places of the volumes that have names."""
    entries = [entry for entry in server()["volumes"] if isinstance(entry, str)]
    return dict(entry.split(":") for entry in entries)


def test_the_schema_accepts_the_file() -> None:
    status, said = check_compose(COMPOSE)
    assert status == 0, said


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("read_only: true", "readonly: true"),
        ("stop_grace_period: 50s", "stop_grace_period: [50]"),
        ("memory: 4G", "memori: 4G"),
        ("order: stop-first", "order: first"),
        ("interval: 30s", "every: 30s"),
        ("cap_drop:", "cap_drops:"),
        ("file: ./secrets/admin_key", "path: ./secrets/admin_key"),
    ],
)
def test_a_mistake_in_the_file_is_found(tmp_path: Path, right: str, wrong: str) -> None:
    assert check_compose(changed(COMPOSE, right, wrong, tmp_path))[0] != 0


def test_the_server_has_time_to_stop() -> None:
    seconds = float(server()["stop_grace_period"].removesuffix("s"))
    assert seconds >= Settings().web_server.grace_seconds + STOP_SECONDS


def test_every_secret_and_volume_that_is_used_is_declared() -> None:
    whole = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))
    assert set(server()["secrets"]) == whole["secrets"].keys()
    assert named_volumes().keys() == whole["volumes"].keys()
    files = [value for key, value in server()["environment"].items() if key.endswith("_FILE")]
    assert {f"/run/secrets/{name}" for name in server()["secrets"]} == set(files)


def test_nothing_but_the_volumes_and_tmp_can_be_written() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    places = re.findall(
        r"^(?:ENV|   ) .*?(?:STATE_DIRECTORY|XDG_CACHE_HOME)=(\S+)", dockerfile, re.M
    )
    assert set(named_volumes().values()) == set(places)
    (temporary,) = [entry for entry in server()["volumes"] if isinstance(entry, dict)]
    assert (temporary["type"], temporary["target"]) == ("tmpfs", "/tmp")
    assert temporary["tmpfs"]["size"] > Settings().jobs.max_batch_mb * 2**20
    assert server()["read_only"] is True


def test_secrets_are_kept_out_of_the_repository_and_the_image() -> None:
    assert "/deploy/secrets/" in (ROOT / ".gitignore").read_text().splitlines()
    assert (ROOT / ".dockerignore").read_text().splitlines()[1] == "*"
