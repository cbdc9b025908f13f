"""The pipelines call only commands of the repository that exist, with actions pinned to commits."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.checkout import ROOT

GITHUB = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
GITEE = sorted((ROOT / ".workflow").glob("*.yml"))
SCRIPTS = sorted((ROOT / ".ci").iterdir())
TESTS = sorted(ROOT.glob("tests/*/**/test_*.py"))
PINNED = re.compile(r"^[\w.-]+/[\w.-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$")
MAKE = re.compile(r"\bmake ([a-z]+)")


def load(path: Path) -> dict[str, Any]:
    """A YAML file; its key `on` stays a string."""
    loaded = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)
    assert isinstance(loaded, dict)
    return loaded


def targets() -> set[str]:
    """The targets that `make help` lists."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    return set(re.findall(r"^([a-z]+):.*## ", makefile, re.MULTILINE))


def github_steps(path: Path) -> Iterator[dict[str, Any]]:
    for job in load(path)["jobs"].values():
        yield from job["steps"]


def gitee_commands(path: Path) -> list[str]:
    steps = [step for stage in load(path)["stages"] for step in stage["steps"]]
    assert [step["step"] for step in steps] == ["build@python"] * len(steps)
    return [command for step in steps for command in step["commands"]]


@pytest.mark.parametrize("path", GITHUB, ids=lambda path: path.stem)
def test_a_github_workflow_runs_only_scripts_of_the_repository(path: Path) -> None:
    commands = [step["run"] for step in github_steps(path) if "run" in step]
    assert commands
    for command in commands:
        assert ROOT / command in SCRIPTS


@pytest.mark.parametrize("path", GITHUB, ids=lambda path: path.stem)
def test_actions_are_pinned_to_commits_and_name_their_version(path: Path) -> None:
    used = re.findall(r"uses: (.+)", path.read_text(encoding="utf-8"))
    assert len(used) == sum("uses" in step for step in github_steps(path)) > 0
    assert [each for each in used if not PINNED.match(each)] == []


@pytest.mark.parametrize("path", GITHUB, ids=lambda path: path.stem)
def test_a_github_workflow_may_only_read_and_has_a_time_limit(path: Path) -> None:
    workflow = load(path)
    assert workflow["permissions"] == {"contents": "read"}
    for job in workflow["jobs"].values():
        assert int(job["timeout-minutes"]) > 0
        assert "permissions" not in job
    for step in github_steps(path):
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] == "false"


def test_every_change_is_tested_with_the_oldest_and_the_newest_python_of_the_makefile() -> None:
    workflow = load(ROOT / ".github" / "workflows" / "ci.yml")
    assert {"push", "pull_request"} == workflow["on"].keys()
    (job,) = workflow["jobs"].values()
    (pythons,) = re.findall(r"^PYTHONS := (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    first, *_, last = pythons.split()
    assert job["strategy"]["matrix"] == {"python": [first, last]}


def test_the_newest_versions_are_tested_once_a_week() -> None:
    workflow = load(ROOT / ".github" / "workflows" / "weekly.yml")
    ((schedule,)) = workflow["on"]["schedule"]
    minute, hour, day, month, weekday = schedule["cron"].split()
    assert (day, month) == ("*", "*")
    assert all(part.isdigit() for part in (minute, hour, weekday))
    lines = (ROOT / ".ci" / "weekly").read_text().splitlines()
    commands = [line for line in lines if " make " in line]
    called = [name for line in commands for name in MAKE.findall(line)]
    assert called == ["lock", "test", "systemtest", "check"]
    assert "ARGS=--upgrade" in commands[0]


@pytest.mark.parametrize("path", GITEE, ids=lambda path: path.stem)
def test_a_gitee_pipeline_runs_only_targets_of_the_makefile(path: Path) -> None:
    commands = gitee_commands(path)
    assert commands
    for command in commands:
        assert MAKE.fullmatch(command), command
        assert set(MAKE.findall(command)) <= targets()
    assert {"push", "pr"} == load(path)["triggers"].keys()


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_a_script_of_ci_calls_only_targets_of_the_makefile(path: Path) -> None:
    assert os.access(path, os.X_OK)
    text = path.read_text()
    called = [line for line in text.splitlines() if line.startswith("timeout ")]
    assert called
    for line in called:
        (target,) = set(MAKE.findall(line))
        assert target in targets(), line


@pytest.mark.parametrize("name", ["CONTRIBUTING.md", "docs/releasing.md", "docs/upgrading.md"])
def test_the_pages_for_maintainers_name_only_targets_of_the_makefile(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    called = set(re.findall(r"(?:^|[`&] ?)make ([a-z]+)", text, re.MULTILINE))
    assert called
    assert called <= targets()


def test_every_folder_of_tests_belongs_to_a_target() -> None:
    folders = {f"tests/{path.parent.relative_to(ROOT / 'tests').parts[0]}" for path in TESTS}
    packages = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    paths = set(packages["tool"]["pytest"]["ini_options"]["testpaths"]) - {"tests/test_*.py"}
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    (systems,) = re.findall(r"^SYSTEMS := \$\(addprefix tests/,(.+)\)$", makefile, re.MULTILINE)
    assert sorted([*paths, *(f"tests/{name}" for name in systems.split())]) == sorted(folders)
