"""deploy/systemd: systemd itself accepts the unit, and the server works as the unit starts it."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from server.settings.settings import Settings
from server_programs import environment, find_program
from tests.support.checkout import ROOT
from tests.support.systemd import (
    FILES,
    NAME,
    UnitServer,
    analyze,
    filtered,
    installed,
    run_before_start,
    settings_of,
)
from tests.support.watching import wait_until, worker_processes

pytestmark = pytest.mark.slow

MOST_EXPOSURE = 2.5
STOP_SECONDS = 15.0  # that the server may need after its grace time
REFUSED = {
    "a call": "import ctypes; assert not ctypes.CDLL(None).mlock(b'x', 1)",
    "a family": "import socket; socket.socket(socket.AF_NETLINK, socket.SOCK_RAW).close()",
}


def complaints(unit: Path) -> str:
    """What systemd says against the unit and its drop-ins."""
    status, said = analyze("verify", "--man=no", "--recursive-errors=one", str(unit))
    return said if status or NAME in said or unit.parent.name in said else ""


def exposure(unit: Path) -> float:
    """systemd's figure from 0 (nothing to attack) to 10."""
    _, said = analyze("security", "--offline=true", "--no-pager", str(unit))
    (level,) = re.findall(r"Overall exposure level for \S+: ([\d.]+)", said)
    return float(level)


@pytest.mark.parametrize("drop_ins", [False, True], ids=["alone", "with drop-ins"])
def test_systemd_accepts_the_unit(tmp_path: Path, drop_ins: bool) -> None:
    assert complaints(installed(tmp_path, drop_ins)) == ""


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("ProtectSystem=strict", "ProtectSystems=strict"),
        ("Restart=always", "Restart=forever"),
        ("MemoryMax=80%", "MemoryMax=most"),
        ("WatchdogSec=30", "WatchdogSec=30x"),
        ("StartLimitBurst=5", "StartLimitBurst=five"),
        ("@system-service", "@system-servce"),
        ("[Service]", "[Servce]"),
        (f"ExecStart={sys.executable}", "ExecStart=/nowhere/python"),
    ],
)
def test_a_mistake_in_the_unit_is_found(tmp_path: Path, right: str, wrong: str) -> None:
    unit = installed(tmp_path)
    text = unit.read_text()
    assert right in text
    unit.write_text(text.replace(right, wrong, 1))
    assert complaints(unit) != ""


@pytest.mark.parametrize(
    ("name", "right", "wrong"),
    [
        ("limits", "CPUQuota=400%", "CPUQuota=4 cores"),
        ("secrets", "LoadCredential=admin_key", "LoadCredentials=admin_key"),
        ("logfile", "StandardOutput=append", "StandardOutput=add"),
    ],
)
def test_a_mistake_in_a_drop_in_is_found(tmp_path: Path, name: str, right: str, wrong: str) -> None:
    unit = installed(tmp_path, drop_ins=True)
    file = tmp_path / f"{NAME}.d" / f"{name}.conf"
    text = file.read_text()
    assert right in text
    file.write_text(text.replace(right, wrong, 1))
    assert complaints(unit) != ""


def test_little_of_the_machine_is_exposed(tmp_path: Path) -> None:
    assert exposure(installed(tmp_path)) <= MOST_EXPOSURE


def test_a_unit_without_its_hardening_exposes_too_much(tmp_path: Path) -> None:
    unit = installed(tmp_path)
    kept = [line for line in unit.read_text().splitlines() if not line.startswith("SystemCall")]
    unit.write_text("\n".join(kept))
    assert exposure(unit) > MOST_EXPOSURE


def test_the_server_has_time_to_stop() -> None:
    (seconds,) = settings_of(FILES / NAME)["TimeoutStopSec"]
    assert float(seconds) >= Settings().web_server.grace_seconds + STOP_SECONDS


def test_the_settings_are_checked_before_the_start(tmp_path: Path) -> None:
    unit = installed(tmp_path)
    good = run_before_start(unit)
    assert (good.returncode, good.stderr) == (0, "")
    bad = run_before_start(unit, OCR_WEB_SERVER__PORT="99999")
    assert bad.returncode == 2
    assert "web_server.port" in bad.stdout + bad.stderr


def test_the_server_reads_with_the_system_calls_of_the_unit(tmp_path: Path) -> None:
    notify = tmp_path / "notify"
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as channel:
        channel.bind(str(notify))
        channel.settimeout(60)
        with UnitServer(installed(tmp_path), tmp_path, notify) as server:
            assert channel.recv(4096).startswith(b"READY=1\nSTATUS=engine openvino")
            image = (ROOT / "imgs" / "sign.jpg").read_bytes()
            assert "SEA BREEZE BOOKS" in server.upload(image).text
            (worker,) = server.worker_pids()
            server.signal_worker(worker, 9)
            wait_until(lambda: worker not in worker_processes(server.pid), "its end")
            wait_until(lambda: server.get("/readyz").status == 200, "another worker", 60)
            job = server.upload(image, block_flag="False")
            assert job.status == 202
            done = server.get(f"{job.headers['Location']}?wait=30")
            assert "SEA BREEZE BOOKS" in done.text
        assert server.exit_status == 0


@pytest.mark.parametrize("code", REFUSED.values(), ids=REFUSED.keys())
def test_other_system_calls_fail(code: str) -> None:
    command = [sys.executable, "-c", code]
    assert subprocess.run(command, check=False).returncode == 0
    assert subprocess.run([*filtered(FILES / NAME), *command], check=False).returncode == 1


def test_the_user_and_the_folder_of_the_log_are_made(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    for program, file in (("sysusers", "sysusers"), ("tmpfiles", "tmpfiles")):
        tool = find_program(f"systemd-{program}")
        create = ["--create"] if program == "tmpfiles" else []
        configuration = FILES / f"ocr-server.{file}"
        subprocess.run(
            [str(tool), f"--root={tmp_path}", *create, str(configuration)],
            env=environment(),
            check=True,
            timeout=60,
        )
    (user,) = [
        line for line in (tmp_path / "etc/passwd").read_text().splitlines() if line[:4] == "ocr:"
    ]
    assert user.split(":")[5:] == ["/var/lib/concurrent-ocr-server", "/usr/sbin/nologin"]
    assert (tmp_path / "var/log/ocr-server").stat().st_mode & 0o777 == 0o750
