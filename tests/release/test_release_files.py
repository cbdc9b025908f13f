"""What a release has besides code: changelog, environment.yml, templates, and what pages say."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from server.version import VERSION
from tests.support.checkout import ROOT

FORMS = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*_*.yml"))
LINK = re.compile(r"\]\(([^)#:]+)(?:#[\w-]+)?\)")
ROW = re.compile(r"^\| (`.+`) \| (`.+`) \| .+ \|$", re.MULTILINE)


def project() -> dict[str, Any]:
    """The table [project] of pyproject.toml."""
    found = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert isinstance(found, dict)
    return found


def test_the_changelog_begins_with_the_version_of_the_server() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    headings = re.findall(r"^## (.+)$", text, re.MULTILINE)
    version, _, date = headings[0].partition(" - ")
    assert version == VERSION
    assert date == "unreleased" or re.fullmatch(r"\d{4}-\d\d-\d\d", date)
    for heading in headings[1:]:
        assert re.fullmatch(r"\d+\.\d+\.\d+ - \d{4}-\d\d-\d\d", heading), heading


def test_the_conda_environment_has_what_the_project_asks_for() -> None:
    loaded = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    assert loaded["channels"] == ["conda-forge", "nodefaults"]  # no licence for companies needed
    python, pip, wheels = loaded["dependencies"]
    version = python.removeprefix("python=")
    assert version in SpecifierSet(project()["requires-python"])
    assert f"Programming Language :: Python :: {version}" in project()["classifiers"]
    assert pip == "pip"
    locks = [ROOT / line.removeprefix("-r ") for line in wheels["pip"]]
    pins = dict(re.findall(r"^([\w.-]+)==([\w.]+)", "".join(map(Path.read_text, locks)), re.M))
    pins = {name.lower(): version for name, version in pins.items()}
    extra = project()["optional-dependencies"]["users"]
    for wanted in map(Requirement, [*project()["dependencies"], *extra]):
        assert wanted.specifier.contains(pins[wanted.name.lower()]), wanted


def test_the_page_of_platforms_has_the_commands_of_the_conda_environment() -> None:
    lines = (ROOT / "environment.yml").read_text(encoding="utf-8").splitlines()
    commands = [line.removeprefix("#     ") for line in lines if line.startswith("#     ")]
    assert len(commands) == 3
    page = (ROOT / "docs" / "platforms.md").read_text(encoding="utf-8")
    assert "```\n" + "\n".join(commands) + "\n```" in page


def test_what_needs_linux_is_where_the_page_says() -> None:
    page = (ROOT / "docs" / "platforms.md").read_text(encoding="utf-8")
    rows = ROW.findall(page)
    assert len(rows) > 8
    for calls, files in rows:
        texts = [(ROOT / name).read_text(encoding="utf-8") for name in re.findall("`(.+?)`", files)]
        named = re.findall("`(.+?)`", calls)
        assert all(any(call in text for text in texts) for call in named), calls
        assert all(any(call in text for call in named) for text in texts), files


@pytest.mark.parametrize("module", ["fcntl", "resource"])
def test_the_page_of_platforms_has_every_file_that_imports_a_module_of_unix(module: str) -> None:
    clients = ("load_test", "ocr_cli", "ocr_client")
    packages = ("cache", *clients, "ocr_cluster", "ocr_engine", "server")
    files = [file for package in packages for file in (ROOT / package).rglob("*.py")]
    importing = {
        file.relative_to(ROOT).as_posix()
        for file in files
        if f"\nimport {module}\n" in file.read_text(encoding="utf-8")
    }
    page = (ROOT / "docs" / "platforms.md").read_text(encoding="utf-8")
    (row,) = (files for calls, files in ROW.findall(page) if calls == f"`import {module}`")
    assert set(re.findall("`(.+?)`", row)) == importing


@pytest.mark.parametrize("name", ["CONTRIBUTING.md", "SECURITY.md"])
def test_the_links_of_a_page_lead_to_files(name: str) -> None:
    links = LINK.findall((ROOT / name).read_text(encoding="utf-8"))
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.stem)
def test_an_issue_form_has_what_github_needs(path: Path) -> None:
    form = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert {"name", "description", "body"} <= form.keys()
    fields = [field for field in form["body"] if field["type"] != "markdown"]
    assert {field["type"] for field in fields} <= {"textarea", "input", "dropdown", "checkboxes"}
    names = [field["id"] for field in fields]
    assert len(names) == len(set(names)) > 0
    assert all(field["attributes"]["label"] for field in fields)
    assert any(field.get("validations", {}).get("required") for field in fields)
