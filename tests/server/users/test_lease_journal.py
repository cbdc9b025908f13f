"""The journal of leases: what is in it when its process is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from server.users import lease_journal
from server.users.lease_journal import DeadOwner, dead_owner, journals, open_journal
from tests.support.checkout import ROOT

PROGRAM = """
import pathlib, sys, time
sys.path.insert(0, sys.argv[2])
from server.users.lease_journal import open_journal
journal = open_journal(pathlib.Path(sys.argv[1]))
places = [journal.begin(number + 1) for number in range(1000)]
for number in range(999):
    journal.note(places[number], number)
journal.end(places[500])
print(journal.owner, flush=True)
time.sleep(60)
"""


def start(folder: Path) -> tuple[subprocess.Popen[str], str]:
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(folder), str(ROOT)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    return process, process.stdout.readline().strip()


def kill(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGKILL)
    process.communicate()


def test_what_a_killed_process_has_spent_is_known(tmp_path: Path) -> None:
    process, owner = start(tmp_path)
    with dead_owner(tmp_path / owner) as dead:
        assert dead is None  # it lives
    kill(process)
    spent = {number + 1: number for number in range(999)} | {1000: 0}
    del spent[501]
    with dead_owner(tmp_path / owner) as dead:
        assert dead == DeadOwner(owner, spent)
        with dead_owner(tmp_path / owner) as other:
            assert other is None  # only one settles it


def test_a_stopped_process_is_not_dead(tmp_path: Path) -> None:
    process, owner = start(tmp_path)
    os.kill(process.pid, signal.SIGSTOP)
    with dead_owner(tmp_path / owner) as dead:
        assert dead is None
    kill(process)


def test_after_a_crash_of_the_machine_nothing_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    process, owner = start(tmp_path)
    kill(process)
    other = tmp_path / "boot_id"
    other.write_text("00000000-0000-4000-8000-000000000001\n")
    monkeypatch.setattr(lease_journal, "BOOT_ID", other)
    with dead_owner(tmp_path / owner) as dead:
        assert dead == DeadOwner(owner, None)


def test_an_unfinished_journal_of_a_killed_process_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "new-0123456789abcdef").touch()
    assert journals(tmp_path) == []
    (tmp_path / "0123456789abcdef").write_bytes(b"short")
    with dead_owner(tmp_path / "0123456789abcdef") as dead:
        assert dead == DeadOwner("0123456789abcdef", None)


def test_a_closed_journal_is_gone(tmp_path: Path) -> None:
    journal = open_journal(tmp_path / "leases")
    assert len(journals(tmp_path / "leases")) == 1
    journal.close()
    assert journals(tmp_path / "leases") == []
