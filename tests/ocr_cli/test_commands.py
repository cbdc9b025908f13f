"""The command `ocr-server`: subcommands, `python setup.py`, and running without a config.json."""

from __future__ import annotations

import importlib
import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from ocr_cli.main import COMMANDS, main
from server.settings.loading import build, load_settings
from server.settings.settings import Settings
from server.version import VERSION
from tests.support.watching import wait_until

ROOT = Path(__file__).resolve().parent.parent.parent
PACKAGES = ("server", "ocr_cli", "ocr_cluster", "ocr_engine", "cache", "ocr_client", "load_test")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packages as a wheel installs them, without the rest of the repository."""
    site = tmp_path_factory.mktemp("site")
    for package in PACKAGES:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / package, site / package, ignore=ignored)
    return site


def command(site: Path, *arguments: str) -> list[str]:
    code = f"import sys; sys.path.insert(0, {str(site)!r}); import runpy; "
    return [
        sys.executable,
        "-P",
        "-c",
        code + "runpy.run_module('server', alter_sys=True)",
        *arguments,
    ]


def run(site: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(site, *arguments),
        cwd=folder, capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip


def test_the_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    for asked in ("--help", "-h"):
        assert main([asked]) == 0
        shown = capsys.readouterr().out
        assert all(f"\n  {name} " in shown for name in COMMANDS)
        assert max(map(len, shown.splitlines())) < 80


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_a_help_that_names_it(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit) as stopped:
        main([name, "--help"])
    assert stopped.value.code == 0
    shown = capsys.readouterr().out
    assert f"usage: ocr-server {name} " in shown
    assert max(map(len, shown.splitlines())) <= 80


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"{VERSION}\n"


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [("recognise", "did you mean recognize?"), ("fly", f"commands are {', '.join(COMMANDS)}")],
)
def test_an_unknown_command(wrong: str, hint: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([wrong]) == 2
    assert capsys.readouterr().err == f"ocr-server: unknown command '{wrong}'; {hint}\n"


@pytest.mark.parametrize("arguments", [[], ["serve"], ["--port", "0"], ["serve", "--port", "0"]])
def test_options_alone_mean_serve(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    served: list[list[str]] = []

    def serve(given: list[str], prog: str) -> int:
        served.append(given)
        return 7

    monkeypatch.setattr(importlib.import_module("server.main"), "main", serve)
    assert main(arguments) == 7
    assert served == [[each for each in arguments if each != "serve"]]


def test_ctrl_c_before_anything_runs_has_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(name: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(importlib, "import_module", interrupted)
    assert main(["models"]) == 130


def test_bench_is_the_load_test(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["bench", "--url", "http://127.0.0.1:1", "--dir", str(ROOT / "imgs")]) == 2
    output, errors = capsys.readouterr()
    assert output == ""
    assert errors.startswith("ocr-server bench: no server at http://127.0.0.1:1 (")
    assert errors.count("\n") == 1


# --- check-config


def test_good_settings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "config.json"
    config.write_text('{"web_server": {"port": 9000}, "ocr": {"process": {"number": 3}}}')
    assert main(["check-config", "--config", str(config)]) == 0
    shown = capsys.readouterr().out
    assert f"{config}: the settings are valid" in shown
    assert "127.0.0.1:9000" in shown
    assert "3 workers" in shown
    assert f"{tmp_path}/imgs (this folder does not exist)" in shown


def test_all_settings_in_effect_can_be_read_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OCR_WEB_SERVER__PORT", "9001")
    config = tmp_path / "config.json"
    config.write_text('{"service": {"time": 5}}')
    assert main(["check-config", "--config", str(config), "--print"]) == 0
    values = json.loads(capsys.readouterr().out)
    settings: Settings = build(Settings, values, "")
    assert (settings.web_server.port, settings.service.time) == (9001, 5)
    assert replace(settings, folder=tmp_path) == load_settings(config)


@pytest.mark.parametrize(
    ("text", "expected"),
    [('{"web_server": {"prot": 1}}', "did you mean web_server.port?"),
     ('{"ocr": {"models": "none"}}', "ocr.models: 'none' is not in the catalogue"),
     ("{", "is not valid JSON")],
)  # fmt: skip
def test_bad_settings(
    tmp_path: Path, text: str, expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "config.json"
    config.write_text(text)
    assert main(["check-config", "--config", str(config)]) == 2
    output, errors = capsys.readouterr()
    assert output == ""
    assert expected in errors
    assert errors.count("\n") == 1


# --- installed from a wheel


def test_without_a_config_the_defaults_are_used_and_named(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{")  # somebody else's
    done = run(installed, tmp_path, "check-config")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("built-in defaults (no config.json found; choose a file with")
    assert f"{tmp_path}/imgs" in done.stdout


def test_it_serves_without_a_config(installed: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with log.open("w") as output:
        process = subprocess.Popen(
            command(installed, "--port", "0", "--workers", "1"),
            cwd=tmp_path, stdout=output, stderr=subprocess.STDOUT,
        )  # fmt: skip
    try:
        wait_until(lambda: "listens on http://127.0.0.1:" in log.read_text(), "it listens")
        assert log.read_text().startswith("settings: built-in defaults (")
    finally:
        process.terminate()
        assert process.wait(20) == 0


def test_everything_that_is_needed_is_in_the_wheel() -> None:
    """The wheel has each package of the repository that the code imports."""
    text = (ROOT / "pyproject.toml").read_text()
    assert f"packages = {json.dumps(list(PACKAGES))}" in text
    assert 'ocr-server = "ocr_cli.main:main"' in text


def test_setup_py_is_as_it_was() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "setup.py"), "--check-config"],
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert done.stdout.startswith(f"{ROOT}/config.json: the settings are valid\n")
    assert done.returncode == 0


def test_no_command_is_imported_for_another() -> None:
    """The server does not import the load test."""
    code = "import sys, ocr_cli.main, server.main; print('load_test' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "False\n"
