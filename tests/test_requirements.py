"""The locks have hashes, agree with each other and name no host; all name the same Pythons."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from licences import packages

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = (ROOT / "requirements", ROOT / "benchmarks" / "peer_servers")
FILES = sorted(path for folder in FOLDERS for path in folder.glob("*.txt"))
INPUTS = sorted(path for folder in FOLDERS for path in folder.glob("*.in"))
EXTRAS = (
    "cluster",
    "documents",
    "heif",
    "mcp",
    "otel",
    "pdfa",
    "postgresql",
    "remote",
    "s3",
    "watch",
)
FOREIGN = r"://|--index|--find-links|--trusted-host|(?<![\w.])/\w+"  # hosts, and absolute paths
PINNED_BY_PADDLEX = {"pyyaml"}  # in the full install only
SHA256 = re.compile(r"--hash=sha256:[0-9a-f]{64}(?= |$)")


@dataclass(frozen=True)
class Pin:
    """One line of a lock."""

    name: str
    version: str
    marker: str
    hashes: int


def statements(path: Path) -> list[str]:
    """The lines of a requirements file, continued ones joined, without comments."""
    lines = re.sub(r"\\\n", " ", path.read_text()).splitlines()
    return [line for line in (re.sub(r"(^| )#.*", "", line).strip() for line in lines) if line]


def pins(path: Path) -> list[Pin]:
    """What a lock installs."""
    found = []
    for line in statements(path):
        if line.startswith("--only-binary"):
            continue
        requirement = Requirement(line.partition(" --hash")[0])
        (version,) = requirement.specifier
        assert version.operator == "==", line
        name = requirement.name.lower().replace("_", "-").replace(".", "-")
        marker = str(requirement.marker or "")
        found.append(Pin(name, version.version, marker, len(SHA256.findall(line))))
    return found


def versions(path: Path) -> dict[str, set[str]]:
    """The versions of each package; there are several where they depend on the Python."""
    found: dict[str, set[str]] = {}
    for pin in pins(path):
        found.setdefault(pin.name, set()).add(pin.version)
    return found


def lock(name: str) -> Path:
    return ROOT / "requirements" / f"{name}.txt"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_package_of_a_lock_has_hashes(path: Path) -> None:
    assert pins(path)
    assert [pin.name for pin in pins(path) if not pin.hashes] == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_lock_names_no_host_and_no_path_of_this_machine(path: Path) -> None:
    assert re.findall(FOREIGN, path.read_text()) == []


@pytest.mark.parametrize("source", INPUTS, ids=lambda path: path.name)
def test_a_lock_has_what_its_input_asks_for(source: Path) -> None:
    locked = versions(source.with_suffix(".txt"))
    for line in statements(source):
        wanted = Requirement(line)
        name = wanted.name.lower().replace(".", "-")
        assert name in locked, f"make lock: {name} is missing"
        assert all(wanted.specifier.contains(version) for version in locked[name]), line


def test_full_and_slim_install_the_same_versions() -> None:
    full, slim = versions(lock("full")), versions(lock("slim"))
    shared = full.keys() & slim.keys() - PINNED_BY_PADDLEX
    assert shared > {"numpy", "openvino", "pillow", "tornado"}
    assert {name: full[name] for name in shared} == {name: slim[name] for name in shared}


def test_what_is_added_to_the_full_install_keeps_its_versions() -> None:
    full = versions(lock("full"))
    for path in map(lock, ("dev", "browser", *EXTRAS)):
        for name, found in versions(path).items():
            assert found <= full.get(name, found), f"{path.name}: {name}"


def test_both_opencvs_of_the_full_install_have_one_version() -> None:
    headless = versions(lock("models"))["opencv-contrib-python-headless"]
    assert versions(lock("full"))["opencv-contrib-python"] == headless


def test_the_package_asks_for_no_more_than_the_locks_have() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    slim, full = versions(lock("slim")), versions(lock("full"))
    for line in project["dependencies"]:
        wanted = Requirement(line)
        name = wanted.name.lower()
        for version in slim[name] | full.get(name, set()):
            assert wanted.specifier.contains(version), line
    known = dict(full)
    for extra in (*EXTRAS, "lambda"):
        known |= versions(lock(extra))
    for extras in project["optional-dependencies"].values():
        for wanted in map(Requirement, extras):
            assert all(wanted.specifier.contains(each) for each in known[wanted.name.lower()]), (
                wanted
            )


def test_pyproject_the_makefile_and_the_docs_name_the_same_pythons() -> None:
    makefile = (ROOT / "Makefile").read_text()
    (full,) = re.findall(r"^PYTHONS := (.+)$", makefile, re.M)
    (more,) = re.findall(r"^SLIM_PYTHONS := \$\(PYTHONS\) (.+)$", makefile, re.M)
    first, *_, last = full.split()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    label = "Programming Language :: Python :: "
    listed = [each.removeprefix(label) for each in project["classifiers"] if label in each]
    assert listed == [*full.split(), *more.split()]
    assert SpecifierSet(project["requires-python"]) == SpecifierSet(f">={first}")
    assert f"--python-version {first} " in makefile
    for page in ("Makefile", "README.md", "docs/quickstart.md"):
        assert f"Python {first} to {last}" in (ROOT / page).read_text(), page
    assert f"Python {first} 至 {last}" in (ROOT / "README.zh-CN.md").read_text()
    for page in ("README.md", "README.zh-CN.md", "docs/quickstart.md"):
        assert f"Python {more}" in (ROOT / page).read_text(), page


def test_the_page_of_licences_has_every_package_that_users_install() -> None:
    page = (ROOT / "docs" / "licences.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([a-z0-9-]+) \| (\S.*) \| ([a-z0-9, ]+) \|$", page, flags=re.M)
    assert {
        name: installs.split(", ") for name, _, installs in rows if name != "package"
    } == packages()
    assert not [licence for _, licence, _ in rows if "AGPL" in licence or "NC" in licence]
