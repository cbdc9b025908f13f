"""deploy/systemd: its unit, systemd's own checks of it, and a server that runs as it says."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

from server_programs import environment, find_program
from tests.support.checkout import ROOT
from tests.support.server_process import ServerProcess
from tests.support.watching import wait_until

FILES = ROOT / "deploy" / "systemd"
NAME = "ocr-server.service"
_INSTALLED = "/srv/ocr-server"
_FILTER = ROOT / "tests" / "support" / "system_calls.py"


def installed(folder: Path, drop_ins: bool = False) -> Path:
    """A copy of the unit in the folder, for this checkout and this interpreter."""
    text = (FILES / NAME).read_text(encoding="utf-8")
    text = text.replace(f"{_INSTALLED}/.venv/bin/python", sys.executable)
    unit = folder / NAME
    unit.write_text(text.replace(_INSTALLED, str(ROOT)), encoding="utf-8")
    if drop_ins:
        shutil.copytree(FILES / f"{NAME}.d", folder / f"{NAME}.d")
    return unit


def settings_of(unit: Path) -> dict[str, list[str]]:
    """All values of each key, whatever its section."""
    found: dict[str, list[str]] = defaultdict(list)
    for line in unit.read_text(encoding="utf-8").splitlines():
        key, equals, value = line.partition("=")
        if equals and not line.startswith(("#", ";")):
            found[key].append(value)
    return found


def analyze(*arguments: str) -> tuple[int, str]:
    """Run systemd-analyze; its exit status and all that it prints."""
    program = find_program("systemd-analyze")
    units = program.parents[2] / "usr/lib/systemd/system", program.parents[2] / "lib/systemd/system"
    path = ":".join(str(each) for each in units if each.is_dir())
    done = subprocess.run(
        [str(program), *arguments],
        env={**environment(), "SYSTEMD_UNIT_PATH": f"{path}:", "SYSTEMD_PAGER": "cat"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def system_calls(filters: Iterable[str]) -> set[str]:
    """The system calls that the values of SystemCallFilter= leave: the first one allows."""
    allowed: set[str] = set()
    for value in filters:
        names = {each for name in value.removeprefix("~").split() for each in _expanded(name)}
        allowed = allowed - names if value.startswith("~") else allowed | names
    return allowed


def filtered(unit: Path) -> list[str]:
    """A command that runs the command behind it with the unit's system calls and families only."""
    values = settings_of(unit)
    allowed = ",".join(sorted(system_calls(values["SystemCallFilter"])))
    (families,) = values["RestrictAddressFamilies"]
    return [sys.executable, str(_FILTER), allowed, families.replace(" ", ",")]


class UnitServer(ServerProcess):
    """The server as the unit starts it, with its system calls only; on any free port."""

    def __init__(self, unit: Path, folder: Path, notify: Path) -> None:
        variables = {
            "OCR_WEB_SERVER__PORT": "0",
            "OCR_OCR__PROCESS__NUMBER": "1",
            "OCR_OCR__PROCESS__SPARES": "0",
            "STATE_DIRECTORY": str(folder / "state"),
            "NOTIFY_SOCKET": str(notify),
        }
        super().__init__(folder, {}, environment=variables)
        values = settings_of(unit)
        self._command = shlex.split(values["ExecStart"][0])
        self._place = Path(values["WorkingDirectory"][0])
        self._filtered = filtered(unit)

    def start(self, port: int = 0) -> None:
        """Start it and wait until it listens."""
        self.spawn([*self._filtered, *self._command], self._place)
        wait_until(self._find_port, "the line with the port")


def run_before_start(unit: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run what the unit runs before its server."""
    values = settings_of(unit)
    return subprocess.run(
        shlex.split(values["ExecStartPre"][0]),
        cwd=values["WorkingDirectory"][0],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def _expanded(name: str) -> Sequence[str]:
    """The system calls of a group such as @system-service, which may have groups in it."""
    if not name.startswith("@"):
        return [name]
    status, text = analyze("syscall-filter", name)
    assert status == 0, text
    lines = [line.strip() for line in text.splitlines() if line.startswith(" ")]
    members = [line for line in lines if line and not line.startswith("#")]
    return [each for member in members for each in _expanded(member)]
