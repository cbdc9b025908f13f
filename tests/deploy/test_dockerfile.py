"""The Dockerfiles: hadolint accepts them, and what they copy and name exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.checkout import ROOT
from tests.support.manifests import DOCKERFILES, changed, lint

MAIN, _ = DOCKERFILES
TEXT = MAIN.read_text(encoding="utf-8")


@pytest.mark.parametrize("file", DOCKERFILES, ids=lambda file: file.name)
def test_hadolint_accepts_the_file(file: Path) -> None:
    assert lint(file) == (0, "")


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("ENTRYPOINT [", "ENTRYPOINTS ["),
        ("STOPSIGNAL SIGTERM", "MAINTAINER somebody"),
        ("--no-install-recommends ", ""),
        ('CMD ["serve"]', "CMD serve"),
        ("    && rm -rf /var/lib/apt/lists/*", "    && true"),
        ("WORKDIR /build", "WORKDIR build"),
    ],
)
def test_a_mistake_in_the_file_is_found(tmp_path: Path, right: str, wrong: str) -> None:
    assert lint(changed(MAIN, right, wrong, tmp_path))[0] != 0


@pytest.mark.parametrize("file", DOCKERFILES, ids=lambda file: file.name)
def test_what_is_copied_exists_and_is_in_the_context(file: Path) -> None:
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    sent = {path for line in ignored if line.startswith("!") for path in ROOT.glob(line[1:])}
    copied = [
        source
        for line in re.findall(r"^COPY (?!--from)(.+)$", file.read_text(encoding="utf-8"), re.M)
        for source in line.split()[:-1]
    ]
    assert copied
    for source in copied:
        path = ROOT / source
        inside = [each for each in sent if each == path or path in each.parents]
        assert path.exists() and inside, source


def test_the_image_has_the_packages_of_the_wheel_and_their_locks() -> None:
    pyproject = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    (packages,) = re.findall(r"^packages = \[(.+)\]$", pyproject, re.M)
    copied = re.findall(r"^COPY (\w+)/ \1/$", TEXT, re.M)
    assert sorted(copied) == sorted(re.findall(r'"(\w+)"', packages))
    (locks,) = re.findall(r'^ARG LOCKS="(.+)"$', TEXT, re.M)
    for name in [*locks.split(), *re.findall(r"requirements/([\w-]+)\.txt", TEXT)]:
        assert (ROOT / "requirements" / f"{name}.txt").is_file()


def test_the_image_runs_without_root_and_its_health_check_without_a_shell() -> None:
    last = TEXT.rpartition("\nFROM ")[2]
    assert re.findall(r"^USER (.+)$", last, re.M) == ["10001:10001"]
    assert 'CMD ["ocr-server", "check-ready"]' in last
    assert 'ENTRYPOINT ["ocr-server"]' in last
    secret = re.compile(r"(?i)key|token|password|secret")
    assert [
        line for line in re.findall(r"^(?:ARG|ENV) .+$", TEXT, re.M) if secret.search(line)
    ] == []
