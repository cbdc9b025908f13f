"""What deploy/ and its page name exists: settings, environment variables, commands and files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from ocr_cli.main import COMMANDS
from server.settings.loading import environment_overrides
from server.settings.settings import Settings, all_keys, public_fields
from tests.support.checkout import ROOT

DEPLOY = ROOT / "deploy"
PAGES = (ROOT / "docs" / "deployment.md", ROOT / "docs" / "functions.md", ROOT / "Dockerfile")
FILES = sorted(file for file in (*DEPLOY.rglob("*"), *PAGES) if file.is_file())
VARIABLE = re.compile(r"\bOCR_[A-Z0-9_]+__[A-Z0-9_]+\b")
COMMAND = re.compile(r"(?:-m server|\bocr-server) ([a-z][a-z-]+)\b(?! in\b)")
SECTIONS = "|".join(field.name for field in public_fields(Settings))
SETTING = re.compile(
    rf"(?<![\w./-])(?:{SECTIONS})\.(?!(?:example|conf|md|ya?ml)\b)[a-z_]+(?:\.[a-z_]+)*(?![\w/-])"
)


def unknown(text: str, folder: Path) -> Iterator[str]:
    """What the text names and the code does not have."""
    known = all_keys()
    secret = folder / "value"
    secret.write_text("1")
    for name in VARIABLE.findall(text):
        key = next(iter(environment_overrides({name: str(secret)})), name)
        if key not in known:
            yield name
    yield from (key for key in SETTING.findall(text) if key not in known)
    yield from (name for name in COMMAND.findall(text) if name not in COMMANDS)


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_a_file_names_what_exists(file: Path, tmp_path: Path) -> None:
    assert list(unknown(file.read_text(encoding="utf-8"), tmp_path)) == []


@pytest.mark.parametrize(
    "text",
    [
        "Environment=OCR_ACCESS__ADMIN_KY_FILE=%d/admin_key",
        "Environment=OCR_WEB_SERVER__PROT=9000",
        "a little more than web_server.max_bdy_mb",
        "ExecStartPre=/srv/.venv/bin/python -m server chek-config",
        "ocr-server alrts test",
    ],
)
def test_what_does_not_exist_is_found(text: str, tmp_path: Path) -> None:
    assert len(list(unknown(text, tmp_path))) == 1


def test_settings_are_found_in_the_files(tmp_path: Path) -> None:
    text = "\n".join(file.read_text(encoding="utf-8") for file in FILES)
    assert len(set(VARIABLE.findall(text))) >= 2
    assert {"documents.max_body_mb", "jobs.max_batch_mb"} <= set(SETTING.findall(text))
    assert {"check-config", "serve"} <= set(COMMAND.findall(text))


def test_every_file_is_in_the_index() -> None:
    index = (DEPLOY / "README.md").read_text(encoding="utf-8")
    for file in DEPLOY.rglob("*"):
        if file.is_file() and file.name != "README.md":
            assert f"`{file.relative_to(DEPLOY)}`" in index, file
