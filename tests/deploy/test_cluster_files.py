"""The files of deploy/ for a cluster: what reads them accepts them, and their names fit."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from server.settings.cluster import cluster_urls
from server.settings.loading import load_settings
from server.settings.settings import Settings
from server_programs import environment, find_program
from tests.support.checkout import ROOT
from tests.support.manifests import (
    CLUSTER_COMPOSE,
    CLUSTER_OVERLAYS,
    KUBERNETES,
    NEWEST,
    OF_KEDA,
    OLDEST,
    changed,
    check_compose,
    check_manifests,
    copied_manifests,
    kustomize,
    metrics_in,
)
from tests.support.systemd import FILES as UNITS
from tests.support.systemd import NAME, analyze, settings_of

pytestmark = pytest.mark.slow

STOP_SECONDS = 15.0
URLS = ("broker_url", "state_url", "cache_url", "database_url")
ROLES = ("front", "node")


def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(CLUSTER_COMPOSE.read_text(encoding="utf-8"))
    return found


def of_ours() -> dict[str, Any]:
    """The services that run this server."""
    return {
        name: each for name, each in compose()["services"].items() if "ocr-server" in each["image"]
    }


def test_the_schema_of_compose_accepts_the_file() -> None:
    status, said = check_compose(CLUSTER_COMPOSE)
    assert status == 0, said


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("condition: service_healthy", "condition: healthy"),
        ("order: start-first", "order: first"),
        ("healthcheck: *ready", "healthchecks: *ready"),
        ("file: ./nginx/cluster.conf", "path: ./nginx/cluster.conf"),
        ("read_only: true", "readonly: true"),
        ("- subnet:", "- subnets:"),
    ],
)
def test_a_mistake_in_the_compose_file_is_found(tmp_path: Path, right: str, wrong: str) -> None:
    assert check_compose(changed(CLUSTER_COMPOSE, right, wrong, tmp_path))[0] != 0


def test_what_the_services_use_is_declared_and_the_files_are_there() -> None:
    whole = compose()
    services = whole["services"].values()
    assert {name for each in services for name in each.get("secrets", [])} == whole[
        "secrets"
    ].keys()
    used = {entry["source"] for each in services for entry in each.get("configs", [])}
    assert used == whole["configs"].keys()
    for config in whole["configs"].values():
        assert (CLUSTER_COMPOSE.parent / config["file"]).is_file()
    named = {
        entry.split(":")[0]
        for each in services
        for entry in each.get("volumes", [])
        if isinstance(entry, str)
    }
    assert named == whole["volumes"].keys()
    for each in services:
        assert set(each.get("depends_on", [])) <= whole["services"].keys()


def test_each_part_waits_for_those_that_it_needs_to_be_healthy() -> None:
    services = compose()["services"]
    for each in services.values():
        needed = each.get("depends_on", {})
        for name, how in needed.items() if isinstance(needed, dict) else ():
            if how["condition"] == "service_healthy":
                assert "healthcheck" in services[name], name
    needed = services["node"]["depends_on"].keys()
    assert needed == {"rabbitmq", "redis-state", "redis-cache"}
    assert {"node", "upgrade"} <= services["front-1"]["depends_on"].keys()
    assert {"front-1", "front-2"} <= services["nginx"]["depends_on"].keys()


def test_the_server_accepts_the_settings_of_the_compose_file(tmp_path: Path) -> None:
    for service in of_ours().values():
        assert service["read_only"] is True
        seconds = float(service["stop_grace_period"].removesuffix("s"))
        assert seconds >= Settings().web_server.grace_seconds + STOP_SECONDS
        files = {v for k, v in service["environment"].items() if k.endswith("_FILE")}
        assert files == {f"/run/secrets/{name}" for name in service["secrets"]}
    assert_settings(of_ours()["node"]["environment"], "/run/secrets/", tmp_path)


def test_nginx_knows_the_front_ends_of_the_compose_file_and_accepts_its_file(
    tmp_path: Path,
) -> None:
    site = (ROOT / "deploy" / "nginx" / "cluster.conf").read_text(encoding="utf-8")
    fronts = {name for name in of_ours() if name.startswith("front")}
    assert set(re.findall(r"server (\S+):8888 ", site)) == fronts
    assert nginx_says(site, tmp_path) == ""
    assert "unknown directive" in nginx_says(site.replace("least_conn;", "least_con;"), tmp_path)


def nginx_says(site: str, folder: Path) -> str:
    """What nginx says against a site, whose front ends are on this machine."""
    local = re.sub(r"server front-\d:8888 ", "server 127.0.0.1:8888 ", site, count=1)
    local = re.sub(r" *server front-\d:8888 .*\n", "", local)
    config = folder / "nginx.conf"
    paths = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = "".join(f"{name}_temp_path {folder}/{name};\n" for name in paths)
    inside = f"access_log off;\n{temporary}{local}"
    config.write_text(f"pid {folder}/pid;\nevents {{}}\nhttp {{\n{inside}\n}}\n")
    done = subprocess.run(
        [str(find_program("nginx")), "-t", "-q", "-c", str(config), "-p", str(folder)],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    lines = done.stderr.splitlines()
    return "\n".join(line for line in lines if "[emerg]" in line)


def assert_settings(variables: dict[str, str], secrets: str, folder: Path) -> None:
    """The server accepts the variables for both roles, with a URL in each secret."""
    urls = {
        "broker_url": "amqp://ocr:a@rabbitmq//",
        "state_url": "redis://:a@redis/0",
        "cache_url": "redis://:b@redis/0",
        "database_url": "postgresql://ocr@database/ocr",
        "admin_key": "of the operator",
    }
    for name, value in urls.items():
        (folder / name).write_text(value)
    given = {key: value.replace(secrets, f"{folder}/") for key, value in variables.items()}
    for role in ROLES:
        settings = load_settings(None, given, {"cluster.role": role})
        found = cluster_urls(settings)
        assert found is not None
        assert (found.broker, found.state, found.cache) == tuple(urls[name] for name in URLS[:3])
        assert settings.database.url is not None


@pytest.fixture(scope="module", params=CLUSTER_OVERLAYS)
def objects(request: pytest.FixtureRequest) -> list[dict[str, Any]]:
    return kustomize(KUBERNETES / "overlays" / request.param)


def of_kind(objects: list[dict[str, Any]], kind: str) -> dict[str, dict[str, Any]]:
    return {each["metadata"]["name"]: each for each in objects if each["kind"] == kind}


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_kubernetes_accepts_the_objects(
    objects: list[dict[str, Any]], tmp_path: Path, version: str
) -> None:
    assert problems(objects, tmp_path, version) == ""


def problems(objects: list[dict[str, Any]], folder: Path, version: str = OLDEST) -> str:
    """What the schemas of Kubernetes and of this page for KEDA say against the objects."""
    native = [each for each in objects if each["apiVersion"] != OF_KEDA]
    file = folder / "objects.yaml"
    file.write_text(yaml.safe_dump_all(native), encoding="utf-8")
    status, said = check_manifests(file, version)
    scaled = [each for each in objects if each["apiVersion"] == OF_KEDA]
    expected = {"serverAddress", "query", "threshold"}
    for each in scaled:
        spec = each["spec"]
        if spec.keys() != {
            *("scaleTargetRef", "minReplicaCount", "maxReplicaCount", "triggers", "advanced"),
        }:
            said, status = f"{said}\nfields of {spec.keys()}", 1
        for trigger in spec.get("triggers", []):
            if trigger.get("type") != "prometheus" or trigger["metadata"].keys() != expected:
                said, status = f"{said}\ntrigger {trigger}", 1
    return said if status else ""


@pytest.mark.parametrize(
    ("file", "right", "wrong"),
    [
        ("cluster/node.yaml", "readinessProbe:", "readynessProbe:"),
        ("cluster/node-poddisruptionbudget.yaml", "maxUnavailable", "maxUnavailble"),
        ("cluster/node-horizontalpodautoscaler.yaml", "averageUtilization", "average"),
        ("cluster/front.yaml", "name: ocr-server", "name: ocr-servers"),
        ("cluster/kustomization.yaml", "behavior: merge", "behavior: mix"),
        ("cluster-keda/scaledobject.yaml", "minReplicaCount", "minReplicas"),
        ("cluster-keda/scaledobject.yaml", "threshold:", "limit:"),
        ("cluster-keda/kustomization.yaml", "name: ocr-node", "name: ocr-nodes"),
    ],
)
def test_a_mistake_in_the_manifests_is_found(
    tmp_path: Path, file: str, right: str, wrong: str
) -> None:
    copy = copied_manifests(tmp_path)
    changed(copy / "overlays" / file, right, wrong)
    try:
        found = problems(kustomize(copy / "overlays" / Path(file).parent), tmp_path)
    except AssertionError as refused:
        found = str(refused)
    assert found != ""


def test_the_pods_of_both_roles_have_the_same_guards_and_the_right_role(
    objects: list[dict[str, Any]], tmp_path: Path
) -> None:
    deployments = of_kind(objects, "Deployment")
    assert deployments.keys() == {"ocr-server", "ocr-node"}
    for name, role in (("ocr-server", "front"), ("ocr-node", "node")):
        pod = deployments[name]["spec"]["template"]
        (container,) = pod["spec"]["containers"]
        assert container["args"] == ["serve", "--role", role]
        assert "replicas" not in deployments[name]["spec"]
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        assert pod["spec"]["securityContext"]["runAsNonRoot"] is True
        assert pod["spec"]["automountServiceAccountToken"] is False
        assert container["livenessProbe"]["httpGet"]["path"] == "/livez"
        assert pod["spec"]["terminationGracePeriodSeconds"] >= (
            5 + Settings().web_server.grace_seconds + STOP_SECONDS
        )
        resources = container["resources"]
        assert resources["requests"] == resources["limits"]
        assert resources["limits"]["cpu"].isdigit()
    (service,) = of_kind(objects, "Service").values()
    selector = service["spec"]["selector"].items()
    labels = {
        name: each["spec"]["template"]["metadata"]["labels"].items()
        for name, each in deployments.items()
    }
    assert selector <= labels["ocr-server"] and not selector <= labels["ocr-node"]
    (config,) = of_kind(objects, "ConfigMap").values()
    variables = {k: v for k, v in config["data"].items() if k.startswith("OCR_")}
    assert_settings(variables, "/run/secrets/ocr-server/", tmp_path)
    ports = json.dumps(of_kind(objects, "NetworkPolicy")["ocr-server"]["spec"]["egress"])
    assert all(f'"port": {port}' in ports for port in (5432, 5672, 6379))


def test_one_autoscaler_decides_about_each_role(objects: list[dict[str, Any]]) -> None:
    scalers = {**of_kind(objects, "HorizontalPodAutoscaler"), **of_kind(objects, "ScaledObject")}
    assert {each["spec"]["scaleTargetRef"]["name"] for each in scalers.values()} == {
        "ocr-server",
        "ocr-node",
    }
    assert len(scalers) == 2


def test_the_autoscaler_asks_for_metrics_that_exist() -> None:
    text = (KUBERNETES / "overlays" / "cluster-keda" / "scaledobject.yaml").read_text()
    pages = [ROOT / "docs" / name for name in ("cluster.md", "operations.md")]
    told = "".join(page.read_text(encoding="utf-8") for page in pages)
    assert metrics_in(text)
    assert all(f"`{name}`" in told for name in metrics_in(text))


@pytest.mark.parametrize("role", ROLES)
def test_the_unit_of_a_role_is_that_of_the_server_but_for_the_role(role: str) -> None:
    unit, usual = settings_of(UNITS / f"ocr-{role}@.service"), settings_of(UNITS / NAME)
    assert unit["ExecStart"] == [f"{usual['ExecStart'][0]} --role {role} --port %i"]
    credentials = {each.partition(":")[0] for each in unit["LoadCredential"]}
    assert credentials == set(URLS)
    for name in URLS:
        section = "DATABASE__URL" if name == "database_url" else f"CLUSTER__{name.upper()}"
        assert f"OCR_{section}_FILE=%d/{name}" in unit["Environment"]
    added = {"LoadCredential", "Environment", "ExecStart", "Description", "TimeoutStartSec"}
    for key in usual.keys() - added:
        assert unit[key] == usual[key], key


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(
    ("right", "wrong"),
    [("", ""), ("ProtectSystem=strict", "ProtectSystems=strict"), ("KillMode=mixed", "KillMode=a")],
    ids=["as it is", "a wrong field", "a wrong value"],
)
def test_systemd_accepts_the_units_and_finds_mistakes(
    tmp_path: Path, role: str, right: str, wrong: str
) -> None:
    text = (UNITS / f"ocr-{role}@.service").read_text(encoding="utf-8")
    assert right in text
    text = text.replace("/srv/ocr-server/.venv/bin/python", str(Path("/bin/true").resolve()))
    (tmp_path / f"ocr-{role}@.service").write_text(text.replace(right, wrong) if right else text)
    status, said = analyze(
        "verify", "--man=no", "--recursive-errors=one", str(tmp_path / f"ocr-{role}@8888.service")
    )
    complains = status != 0 or f"ocr-{role}@" in said
    assert complains == bool(right), said
