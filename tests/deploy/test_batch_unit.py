"""deploy/systemd: systemd accepts ocr-batch.service and its timer, and what they run works."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.cards import card
from tests.support.checkout import ROOT
from tests.support.systemd import FILES, analyze, filtered, settings_of

pytestmark = pytest.mark.slow

SERVICE, TIMER = "ocr-batch.service", "ocr-batch.timer"
MOST_EXPOSURE = 2.5


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """A folder with both units, for this checkout and this interpreter."""
    for name in (SERVICE, TIMER):
        text = (FILES / name).read_text(encoding="utf-8")
        text = text.replace("/srv/ocr-server/.venv/bin/python", sys.executable)
        (tmp_path / name).write_text(text.replace("/srv/ocr-server", str(ROOT)))
    return tmp_path


def complaints(unit: Path) -> str:
    status, said = analyze("verify", "--man=no", "--recursive-errors=one", str(unit))
    return said if status or unit.name in said else ""


@pytest.mark.parametrize("name", [SERVICE, TIMER])
def test_systemd_accepts_the_units(units: Path, name: str) -> None:
    assert complaints(units / name) == ""


@pytest.mark.parametrize(
    ("name", "right", "wrong"),
    [
        (SERVICE, "Type=oneshot", "Type=once"),
        (SERVICE, "ReadWritePaths=-/srv/texts", "ReadWritePath=-/srv/texts"),
        (SERVICE, f"ExecStart={sys.executable}", "ExecStart=/nowhere/python"),
        (TIMER, "OnCalendar=hourly", "OnCalendar=every hour"),
        (TIMER, "Persistent=true", "Persist=true"),
    ],
)
def test_a_mistake_in_a_unit_is_found(units: Path, name: str, right: str, wrong: str) -> None:
    unit = units / name
    assert right in unit.read_text()
    unit.write_text(unit.read_text().replace(right, wrong, 1))
    assert complaints(unit) != ""


def test_little_of_the_machine_is_exposed(units: Path) -> None:
    _, said = analyze("security", "--offline=true", "--no-pager", str(units / SERVICE))
    (level,) = re.findall(r"Overall exposure level for \S+: ([\d.]+)", said)
    assert float(level) <= MOST_EXPOSURE


def test_the_hardening_is_that_of_the_server() -> None:
    def hardening(name: str) -> list[str]:
        text = (FILES / name).read_text(encoding="utf-8")
        return text[text.index("NoNewPrivileges") :].partition("\n\n[")[0].split()

    assert hardening(SERVICE) == hardening("ocr-server.service")


def test_a_run_reads_with_the_system_calls_of_the_unit(units: Path) -> None:
    """It reads a real image with real models."""
    scans, texts = units / "scans", units / "texts"
    scans.mkdir()
    (scans / "sign.jpg").write_bytes((ROOT / "imgs" / "sign.jpg").read_bytes())
    (scans / "broken.png").write_bytes(card("cut off")[:40])
    (start,) = settings_of(units / SERVICE)["ExecStart"]
    places = {"SOURCE": str(scans), "RESULTS": str(texts)}
    command = [each.format(**places) for each in shlex.split(start.replace("${", "{"))]
    done = subprocess.run(
        [*filtered(units / SERVICE), *command],
        cwd=ROOT,
        env={
            **os.environ,
            "STATE_DIRECTORY": str(units / "state"),
            "OCR_OCR__PROCESS__NUMBER": "1",
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, ""), done.stderr
    assert "broken.png: invalid_image" in done.stderr
    assert "SEA BREEZE BOOKS" in (texts / "sign.jpg.json").read_text()
