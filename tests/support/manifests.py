"""The Dockerfiles, compose.yaml and Kubernetes manifests, and the programs that check them."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import yaml

from checkers import find_checker
from server_programs import environment, find_program
from tests.support.checkout import ROOT

COMPOSE = ROOT / "deploy" / "compose.yaml"
CLUSTER_COMPOSE = ROOT / "deploy" / "compose.cluster.yaml"
DOCKERFILES = (ROOT / "Dockerfile", ROOT / "deploy" / "container" / "sbom.Dockerfile")
KUBERNETES = ROOT / "deploy" / "kubernetes"
_ALL_OVERLAYS = sorted(path.name for path in (KUBERNETES / "overlays").iterdir())
OVERLAYS = tuple(name for name in _ALL_OVERLAYS if not name.startswith("cluster"))
CLUSTER_OVERLAYS = tuple(name for name in _ALL_OVERLAYS if name.startswith("cluster"))
OF_KEDA = "keda.sh/v1alpha1"
OLDEST, NEWEST = "1.30", "1.37"  # versions of Kubernetes that the manifests are for


def lint(dockerfile: Path) -> tuple[int, str]:
    """Run hadolint; its exit status and all that it prints."""
    return _run([find_checker("hadolint"), dockerfile])


def check_compose(file: Path) -> tuple[int, str]:
    """Check a compose file by the schema of the Compose Specification."""
    schema = ["--builtin-schema", "vendor.compose-spec", "--default-filetype", "yaml"]
    return _run([find_checker("check-jsonschema"), *schema, file])


def check_manifests(file: Path, version: str = OLDEST) -> tuple[int, str]:
    """Check Kubernetes objects in one file strictly, by the schemas of a version of Kubernetes."""
    options = ["--strict", "--kubernetes-version", version]
    return _run([find_checker("kubernetes-validate"), *options, file])


def kustomize(folder: Path) -> list[dict[str, Any]]:
    """The objects of an overlay; AssertionError with what kustomize says against it."""
    done = subprocess.run(
        [str(find_program("kubectl")), "kustomize", str(folder)],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return list(yaml.safe_load_all(done.stdout))


def copied_manifests(folder: Path) -> Path:
    """A copy of deploy/kubernetes in the folder."""
    return shutil.copytree(KUBERNETES, folder / "kubernetes")


def changed(file: Path, old: str, new: str, folder: Path | None = None) -> Path:
    """The file with another value: itself, or its copy in the folder."""
    text = file.read_text(encoding="utf-8")
    assert old in text, old
    changed_file = file if folder is None else folder / file.name
    changed_file.write_text(text.replace(old, new, 1), encoding="utf-8")
    return changed_file


def metrics_in(text: str) -> set[str]:
    """The metrics of the server that a text names."""
    return set(re.findall(r"\bocr_[a-z_]+\b", text))


def _run(command: list[str | Path]) -> tuple[int, str]:
    done = subprocess.run(
        list(map(str, command)), capture_output=True, text=True, timeout=120, check=False
    )
    return done.returncode, done.stdout + done.stderr
