"""The verdict of `make dialects`: a client that does not read the same, or not at all, fails it."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dialects
import pytest

READS = """
import json, sys
told = {"image": {"text": "the text"}, "broken": {"error": "broken"}, "PDF": {"error": "a PDF"}}
cases = json.loads(sys.argv[1])
print(json.dumps([*told.values()][:len(cases)]))
"""


class Installed:
    """A venv that is there: this one."""

    def __init__(self, *_: object) -> None:
        pass

    def install(self, seconds: float) -> None:
        assert seconds > 0

    def program(self, _: str) -> str:
        return sys.executable

    def versions(self, *names: str) -> dict[str, str]:
        return dict.fromkeys(names, "1.0")


class NotInstalled(Installed):
    """A venv that cannot be made."""

    def install(self, seconds: float) -> None:
        raise subprocess.CalledProcessError(1, "pip")


@pytest.fixture
def scripts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the client's script; there are no servers, as it asks none."""
    server = SimpleNamespace(port=1, metric=lambda *_, **__: 1.0)
    servers = dialects.Servers(server, server, server, tmp_path, "the text", "the text")  # type: ignore[arg-type]
    client = dialects.Client("a-client", "lock", "client", "umi-ocr", is_job=True, sends_key=False)
    monkeypatch.setattr(dialects, "ALL", (client,))
    monkeypatch.setattr(dialects, "CLIENTS", tmp_path)
    monkeypatch.setattr(dialects, "Environment", Installed)
    monkeypatch.setattr(dialects, "_servers", lambda: contextlib.nullcontext(servers))
    return tmp_path


def verdict(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str
) -> tuple[int, list[str]]:
    """The exit status, and the lines that are printed."""
    monkeypatch.setattr(sys, "argv", ["dialects.py", *arguments])
    status = dialects.main()
    return status, capsys.readouterr().out.splitlines()


def test_a_client_that_reads_the_same(
    scripts: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (scripts / "read_client.py").write_text(READS)
    status, lines = verdict(monkeypatch, capsys)
    assert (status, lines[-1].partition(",")[0]) == (0, "dialects: PASSED")
    assert "| `a-client` 1.0 | `umi-ocr` | read |" in "\n".join(lines)


@pytest.mark.parametrize(
    ("script", "problem"),
    [
        (READS.replace("the text", "another text"), "instead of 'the text'"),
        (READS.replace('{"error": "broken"}', '{"text": "read"}'), "no error"),
        ("raise SystemExit('no such server')", "no such server"),
        ("print('no JSON')", "JSONDecodeError"),
        ("", "ValueError"),
        ("import time; time.sleep(60)", "timed out"),
    ],
)
def test_a_client_that_does_not(
    scripts: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    script: str,
    problem: str,
) -> None:
    monkeypatch.setattr(dialects, "LIMIT_SECONDS", 1 if "sleep" in script else 30)
    (scripts / "read_client.py").write_text(script)
    status, lines = verdict(monkeypatch, capsys)
    assert (status, lines[-1].partition(",")[0]) == (1, "dialects: FAILED")
    assert any(line.startswith("a-client: ") and problem in line for line in lines), lines


def test_a_client_that_cannot_be_installed(
    scripts: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(dialects, "Environment", NotInstalled)
    status, lines = verdict(monkeypatch, capsys)
    assert status == 1 and "CalledProcessError" in "\n".join(lines)


def test_a_client_that_is_left_when_the_time_is_over(
    scripts: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    status, lines = verdict(monkeypatch, capsys, "--minutes", "0")
    assert status == 1 and "a-client: not run: the time is over" in "\n".join(lines)


def test_more_recognitions_than_clients_need(
    scripts: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (scripts / "read_client.py").write_text(READS)
    server: Any = SimpleNamespace(port=1, metric=lambda *_, **__: 2.0)
    servers = dialects.Servers(server, server, server, scripts, "the text", "the text")
    monkeypatch.setattr(dialects, "_servers", lambda: contextlib.nullcontext(servers))
    status, lines = verdict(monkeypatch, capsys)
    assert status == 1 and "2 recognitions, instead of 1" in lines
