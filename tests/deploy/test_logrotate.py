"""deploy/systemd/ocr-server.logrotate: logrotate rotates a log that a process keeps open."""

from __future__ import annotations

import gzip
import os
import subprocess
from pathlib import Path

import pytest

from server_programs import environment, find_program
from tests.support.systemd import FILES

LOGS = "/var/log/ocr-server"


def configuration(folder: Path) -> Path:
    """A copy of the file for logs in this folder, which only its owner may write to."""
    text = (FILES / "ocr-server.logrotate").read_text(encoding="utf-8")
    assert f"{LOGS}/*.log" in text
    file = folder / "logrotate.conf"
    file.write_text(text.replace(LOGS, str(folder)), encoding="utf-8")
    file.chmod(0o644)
    return file


def rotate(file: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [str(find_program("logrotate")), "-s", str(file.with_name("state")), *options]
    return subprocess.run(
        [*command, str(file)],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_server_goes_on_writing_to_a_log_that_was_rotated(tmp_path: Path) -> None:
    file, log = configuration(tmp_path), tmp_path / "server.log"
    with log.open("a") as server:
        for day in ("monday", "tuesday", "wednesday"):
            server.write(f"{day}\n")
            server.flush()
            done = rotate(file, "--force")
            assert (done.returncode, done.stderr) == (0, "")
        server.write("thursday\n")
    assert log.read_text() == "thursday\n"
    assert (tmp_path / "server.log.1").read_text() == "wednesday\n"
    assert gzip.decompress((tmp_path / "server.log.2.gz").read_bytes()) == b"tuesday\n"


def test_two_weeks_are_kept(tmp_path: Path) -> None:
    file, log = configuration(tmp_path), tmp_path / "server.log"
    for day in range(20):
        log.write_text(f"day {day}\n")
        assert rotate(file, "--force").returncode == 0
    kept = [name for name in os.listdir(tmp_path) if name.startswith("server.log.")]
    assert len(kept) == 14


@pytest.mark.parametrize(
    ("right", "wrong"),
    [("copytruncate", "copytruncat"), ("rotate 14", "rotate many"), ("maxsize 100M", "maxsize x")],
)
def test_a_mistake_is_found(tmp_path: Path, right: str, wrong: str) -> None:
    file = configuration(tmp_path)
    text = file.read_text()
    assert right in text
    (tmp_path / "server.log").write_text("a line\n")
    assert not is_refused(file)
    file.write_text(text.replace(right, wrong))
    assert is_refused(file)


def is_refused(file: Path) -> bool:
    """Whether logrotate finds a mistake without rotating anything."""
    done = rotate(file, "--debug")
    assert "server.log" in done.stderr or done.returncode == 1, done
    return done.returncode != 0 or "error" in done.stderr
