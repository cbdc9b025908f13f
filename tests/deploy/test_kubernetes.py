"""deploy/kubernetes: kustomize and Kubernetes' schemas accept it, and its names fit the server."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from server.settings.loading import load_settings
from server.settings.settings import Settings
from tests.support.checkout import ROOT
from tests.support.manifests import (
    KUBERNETES,
    NEWEST,
    OF_KEDA,
    OLDEST,
    OVERLAYS,
    changed,
    check_manifests,
    copied_manifests,
    kustomize,
    metrics_in,
)
from tests.support.monitoring import FILES as MONITORING
from tests.support.monitoring import check

pytestmark = pytest.mark.slow

STOP_SECONDS = 15.0  # that the server may need after its grace time
SECRETS = "/run/secrets/ocr-server/"
OF_THE_IMAGE = {"XDG_CACHE_HOME"}  # variables of the image that an overlay changes
# All fields of a ScaledObject that are used: KEDA is not here to refuse others. Those below
# `behavior` are compared with the HorizontalPodAutoscaler.
SCALED_OBJECT = {
    "": {"apiVersion", "kind", "metadata", "spec"},
    "spec": {"scaleTargetRef", "minReplicaCount", "maxReplicaCount", "triggers", "advanced"},
    "spec.scaleTargetRef": {"name"},
    "spec.advanced": {"horizontalPodAutoscalerConfig"},
    "spec.advanced.horizontalPodAutoscalerConfig": {"behavior"},
}
TRIGGERS = {
    "prometheus": {"serverAddress", "query", "threshold"},
    "cpu": {"value"},
}

Objects = list[dict[str, Any]]


@pytest.fixture(scope="module", params=OVERLAYS)
def objects(request: pytest.FixtureRequest) -> Objects:
    """The objects of each overlay."""
    return kustomize(KUBERNETES / "overlays" / request.param)


def of_kind(objects: Objects, kind: str) -> Objects:
    return [each for each in objects if each["kind"] == kind]


def only(objects: Objects, kind: str) -> dict[str, Any]:
    (found,) = of_kind(objects, kind)
    return found


def pods(objects: Objects) -> Objects:
    """The templates of all pods."""
    return [
        each["spec"]["template"]
        for kind in ("Deployment", "Job")
        for each in of_kind(objects, kind)
    ]


def containers(pod: Mapping[str, Any]) -> Objects:
    """All containers of a pod, those that run first at the end."""
    return [*pod["spec"]["containers"], *pod["spec"].get("initContainers", [])]


def problems(objects: Objects, folder: Path, version: str = OLDEST) -> str:
    """What Kubernetes' schemas, or the fields of KEDA, say against the objects."""
    native = [each for each in objects if each["apiVersion"] != OF_KEDA]
    file = folder / "objects.yaml"
    file.write_text(yaml.safe_dump_all(native), encoding="utf-8")
    status, said = check_manifests(file, version)
    wrong = [each for other in objects if other not in native for each in unknown_fields(other)]
    return "\n".join([said] * bool(status) + wrong)


def unknown_fields(scaled: Mapping[str, Any]) -> Iterator[str]:
    """The fields of a ScaledObject that are missing or not in the tables above."""
    for path, expected in SCALED_OBJECT.items():
        value: Any = scaled
        for name in filter(None, path.split(".")):
            value = value.get(name, {})
        yield from (f"{path}.{name}" for name in value.keys() ^ expected)
    for trigger in scaled["spec"].get("triggers", []):
        yield from (
            f"triggers.{name}" for name in trigger.keys() - {"metricType"} ^ {"type", "metadata"}
        )
        expected = TRIGGERS.get(trigger.get("type"), set())
        yield from (f"triggers.metadata.{name}" for name in trigger["metadata"].keys() ^ expected)


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_kubernetes_accepts_the_objects(objects: Objects, tmp_path: Path, version: str) -> None:
    assert problems(objects, tmp_path, version) == ""


@pytest.mark.parametrize(
    ("file", "right", "wrong"),
    [
        ("base/deployment.yaml", "readinessProbe:", "readynessProbe:"),
        ("base/deployment.yaml", "maxSurge: 1", "maxSurge: [1]"),
        ("base/deployment.yaml", "readOnlyRootFilesystem", "readOnlyRoot"),
        ("base/service.yaml", "targetPort", "containerPort"),
        ("base/poddisruptionbudget.yaml", "maxUnavailable", "maxUnavailble"),
        ("base/networkpolicy.yaml", "policyTypes", "policyType"),
        ("base/kustomization.yaml", "configMapGenerator", "configMapGenerators"),
        ("overlays/single/persistentvolumeclaim.yaml", "accessModes", "accessMode"),
        ("overlays/single/deployment.yaml", "claimName", "name"),
        ("overlays/single/kustomization.yaml", "deployment.yaml", "deploy.yaml"),
        ("overlays/hpa/horizontalpodautoscaler.yaml", "averageValue:", "value_:"),
        ("components/postgresql/upgrade.yaml", "backoffLimit", "backoffLimits"),
        ("components/postgresql/kustomization.yaml", "behavior: merge", "behavior: mix"),
        ("overlays/keda/scaledobject.yaml", "minReplicaCount", "minReplicas"),
        ("overlays/keda/scaledobject.yaml", "threshold:", "limit:"),
        ("overlays/keda/scaledobject.yaml", "type: cpu", "type: cpus"),
    ],
)
def test_a_mistake_in_a_file_is_found(tmp_path: Path, file: str, right: str, wrong: str) -> None:
    copy = copied_manifests(tmp_path)
    changed(copy / file, right, wrong)
    overlay = Path(file).parent if file.startswith("overlays") else "overlays/hpa"
    assert problem_of(copy / overlay, tmp_path) != ""


def problem_of(overlay: Path, folder: Path) -> str:
    """What kustomize or the schemas say against an overlay."""
    try:
        return problems(kustomize(overlay), folder)
    except AssertionError as refused:
        return str(refused)


def test_the_server_accepts_the_settings(objects: Objects, tmp_path: Path) -> None:
    (name, values), *others = [
        (each["metadata"]["name"], each["data"]) for each in of_kind(objects, "ConfigMap")
    ]
    assert others == []
    files = {value.removeprefix(SECRETS) for key, value in values.items() if key.endswith("_FILE")}
    assert "admin_key" in files
    for file in files:
        (tmp_path / file).write_text("postgresql://ocr@database/ocr")
    given = {key: value.replace(SECRETS, f"{tmp_path}/") for key, value in values.items()}
    assert {key for key in given if not key.startswith("OCR_")} <= OF_THE_IMAGE
    settings = load_settings(None, given)
    assert settings.access.required
    assert settings.access.admin_key is not None
    assert (settings.database.url is not None) == ("database_url" in files)
    for container in (each for pod in pods(objects) for each in containers(pod)):
        assert container["envFrom"] == [{"configMapRef": {"name": name}}]


def test_pods_meet_the_restricted_standard_with_a_read_only_root(objects: Objects) -> None:
    namespace = only(objects, "Namespace")["metadata"]["labels"]
    assert namespace["pod-security.kubernetes.io/enforce"] == "restricted"
    for pod in pods(objects):
        spec = pod["spec"]
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["runAsUser"] == 10001
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert spec["automountServiceAccountToken"] is False
        assert not spec.keys() & {"hostNetwork", "hostPID", "hostIPC"}
        kinds = {key for volume in spec["volumes"] for key in volume if key != "name"}
        assert kinds <= {"emptyDir", "secret", "persistentVolumeClaim"}
        for container in containers(pod):
            assert container["image"] == "registry.example.org/ocr-server:latest"
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "capabilities": {"drop": ["ALL"]},
                "readOnlyRootFilesystem": True,
            }


def test_what_is_mounted_is_there_and_what_the_server_writes_is_mounted(objects: Objects) -> None:
    for pod in pods(objects):
        volumes = {volume["name"] for volume in pod["spec"]["volumes"]}
        mounts = [mount for each in containers(pod) for mount in each["volumeMounts"]]
        assert {mount["name"] for mount in mounts} == volumes
    (server, *_) = pods(objects)
    (container,) = server["spec"]["containers"]
    places = {mount["mountPath"] for mount in container["volumeMounts"]}
    assert places == {"/state", "/cache", "/tmp", SECRETS.removesuffix("/")}


def test_the_deployment_has_what_the_server_offers(objects: Objects) -> None:
    spec = only(objects, "Deployment")["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    routes = (ROOT / "server" / "http" / "routes.py").read_text(encoding="utf-8")
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert container[probe]["httpGet"]["port"] == "http"
        assert f'"{container[probe]["httpGet"]["path"]}"' in routes
    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
    assert container["livenessProbe"]["httpGet"]["path"] == "/livez"
    assert container["ports"] == [{"name": "http", "containerPort": Settings().web_server.port}]
    before = container["lifecycle"]["preStop"]["sleep"]["seconds"]
    grace = Settings().web_server.grace_seconds
    assert spec["terminationGracePeriodSeconds"] >= before + grace + STOP_SECONDS
    resources = container["resources"]
    assert resources["requests"] == resources["limits"]
    assert resources["limits"]["cpu"].isdigit()  # workers for whole cores


def test_selectors_find_the_pods_of_the_server_only(objects: Objects) -> None:
    deployment = only(objects, "Deployment")["spec"]
    labels = deployment["template"]["metadata"]["labels"]
    selectors = [
        deployment["selector"]["matchLabels"],
        only(objects, "Service")["spec"]["selector"],
        only(objects, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
        *(
            each["labelSelector"]["matchLabels"]
            for each in deployment["template"]["spec"]["topologySpreadConstraints"]
        ),
    ]
    for selector in selectors:
        assert selector.items() <= labels.items()
        for job in of_kind(objects, "Job"):
            others = job["spec"]["template"]["metadata"]["labels"]
            assert not selector.items() <= others.items()
    guarded = only(objects, "NetworkPolicy")["spec"]["podSelector"]["matchLabels"]
    assert all(guarded.items() <= pod["metadata"]["labels"].items() for pod in pods(objects))


def test_an_autoscaler_decides_about_replicas_or_there_is_one_with_a_disk(objects: Objects) -> None:
    scalers = of_kind(objects, "HorizontalPodAutoscaler") + of_kind(objects, "ScaledObject")
    deployment = only(objects, "Deployment")
    if of_kind(objects, "PersistentVolumeClaim"):
        assert scalers == []
        assert deployment["spec"]["replicas"] == 1
        assert deployment["spec"]["strategy"] == {"type": "Recreate"}
        (first,) = deployment["spec"]["template"]["spec"]["initContainers"]
        assert first["args"] == ["db", "upgrade"]
    else:
        (scaler,) = scalers
        assert "replicas" not in deployment["spec"]
        assert scaler["spec"]["scaleTargetRef"]["name"] == deployment["metadata"]["name"]
        (job,) = only(objects, "Job")["spec"]["template"]["spec"]["containers"]
        assert job["args"] == ["db", "upgrade"]


def test_both_autoscalers_behave_alike() -> None:
    hpa = only(kustomize(KUBERNETES / "overlays/hpa"), "HorizontalPodAutoscaler")["spec"]
    keda = only(kustomize(KUBERNETES / "overlays/keda"), "ScaledObject")["spec"]
    ends = keda["minReplicaCount"], keda["maxReplicaCount"]
    assert (hpa["minReplicas"], hpa["maxReplicas"]) == ends
    assert keda["advanced"]["horizontalPodAutoscalerConfig"]["behavior"] == hpa["behavior"]
    waits, cpu = (
        metric[kind] for metric, kind in zip(hpa["metrics"], ("pods", "resource"), strict=True)
    )
    asked, used = (trigger["metadata"] for trigger in keda["triggers"])
    assert waits["target"]["averageValue"] == asked["threshold"]
    assert f"{waits['metric']['name']}{{" in asked["query"]
    assert str(cpu["target"]["averageUtilization"]) == used["value"]


def test_every_metric_and_job_exists() -> None:
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    texts = {
        file: file.read_text(encoding="utf-8")
        for file in KUBERNETES.rglob("*")
        if file.suffix in (".yaml", ".yml") and not file.parent.name.startswith("cluster")
    }
    named = {file.name: metrics_in(text) for file, text in texts.items() if metrics_in(text)}
    assert named.keys() == {
        "horizontalpodautoscaler.yaml",
        "prometheus-adapter.yml",
        "scaledobject.yaml",
    }
    for file, metrics in named.items():
        assert all(f"| `{name}` |" in page for name in metrics), file
    (job,) = yaml.safe_load((KUBERNETES / "prometheus.yml").read_text())["scrape_configs"]
    (usual,) = yaml.safe_load((MONITORING / "prometheus.yml").read_text())["scrape_configs"]
    assert job["job_name"] == usual["job_name"] == "ocr-server"


def test_promtool_accepts_the_job(tmp_path: Path) -> None:
    # Debian's Prometheus knows no Kubernetes, so a file takes the place of its pods.
    lines = (
        "kubernetes_sd_configs:\n      - role: pod\n        namespaces:\n          names: [ocr]\n"
    )
    file = changed(
        KUBERNETES / "prometheus.yml",
        lines,
        "file_sd_configs:\n      - files: [pods.json]\n",
        tmp_path,
    )
    status, said = check("promtool", "check", "config", "--syntax-only", file)
    assert status == 0, said
    changed(file, "relabel_configs", "relabel_config")
    assert check("promtool", "check", "config", "--syntax-only", file)[0] != 0


def test_the_adapter_serves_the_metric_of_the_autoscaler_for_each_pod() -> None:
    (rule,) = yaml.safe_load((KUBERNETES / "prometheus-adapter.yml").read_text())["rules"]
    assert rule.keys() == {"seriesQuery", "resources", "metricsQuery"}
    (job,) = yaml.safe_load((KUBERNETES / "prometheus.yml").read_text())["scrape_configs"]
    made = {each["target_label"] for each in job["relabel_configs"] if "target_label" in each}
    assert rule["resources"]["overrides"].keys() == made
