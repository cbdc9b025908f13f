"""The audit log: its lines, the file of each day, several processes, refusals in a flood."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from server.operations.audit import AuditLog
from server.operations.refused_requests import MAX_SOURCES, RefusedRequests
from server.settings.audit import STDOUT

DAY = 86_400.0
NOON = datetime(2026, 11, 29, 12, tzinfo=UTC).timestamp()

# Writes its number of lines, with a clock that passes midnight in the middle of them.
_WRITER = """
import sys
from pathlib import Path
from server.operations.audit import AuditLog
path, name, lines, midnight = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
now = midnight - lines / 2
def clock():
    return now
log = AuditLog(path, 90, clock)
log.start()
for number in range(lines):
    log.write("job_created", user=name, target=str(number))
    now += 1
"""


class Clock:
    """Unix time, set by the test."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> float:
        return self.now


def writing(path: Path, clock: Clock, days: int | None = 90) -> AuditLog:
    audit = AuditLog(path, days, clock)
    audit.start()
    return audit


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*.jsonl"))


def test_a_line_says_who_did_what_and_when(tmp_path: Path) -> None:
    audit = writing(tmp_path / "audit.jsonl", Clock())
    audit.write("key_added", user="cli", target="Xy12Ab34")
    audit.write(
        "job_created",
        user="Xy12Ab34",
        address="203.0.113.7",
        request_id="order-66",
        target="j0b",
        size=123,
    )
    common = {"time": "2026-11-29T12:00:00.000+00:00", "log": "audit"}
    key = {"action": "key_added", "outcome": "ok", "user": "cli", "target": "Xy12Ab34"}
    job = {"action": "job_created", "outcome": "ok", "user": "Xy12Ab34", "target": "j0b"}
    more = {"address": "203.0.113.7", "request_id": "order-66", "bytes": 123}
    assert lines(tmp_path / "audit.jsonl") == [common | key, common | job | more]
    assert (tmp_path / "audit.jsonl").stat().st_mode & 0o777 == 0o600


def test_there_is_no_file_before_the_first_line_and_none_while_it_is_off(tmp_path: Path) -> None:
    audit = AuditLog(tmp_path / "state" / "audit.jsonl", 90)
    audit.write("key_added", user="cli")
    assert list(tmp_path.iterdir()) == []
    audit.start()
    assert list(tmp_path.iterdir()) == []
    audit.write("key_added", user="cli")
    assert names(tmp_path / "state") == ["audit.jsonl"]
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700


def test_each_day_has_its_file_and_old_ones_are_deleted(tmp_path: Path) -> None:
    clock = Clock()
    audit = writing(tmp_path / "audit.jsonl", clock, days=3)
    (tmp_path / "audit-2026-13-99.jsonl.txt").touch()
    (tmp_path / "other-2020-01-01.jsonl").touch()
    for day in range(6):
        audit.write("key_added", user="cli", target=str(day))
        clock.now += DAY
    assert names(tmp_path) == [
        "audit-2026-12-01.jsonl",
        "audit-2026-12-02.jsonl",
        "audit-2026-12-03.jsonl",
        "audit.jsonl",
        "other-2020-01-01.jsonl",
    ]
    assert [line["target"] for line in lines(tmp_path / "audit-2026-12-02.jsonl")] == ["3"]
    assert [line["target"] for line in lines(tmp_path / "audit.jsonl")] == ["5"]


def test_a_restart_on_another_day_does_not_mix_the_days(tmp_path: Path) -> None:
    clock = Clock()
    writing(tmp_path / "audit.jsonl", clock).write("key_added", user="cli", target="first")
    writing(tmp_path / "audit.jsonl", clock).write("key_added", user="cli", target="second")
    clock.now += 5 * DAY
    writing(tmp_path / "audit.jsonl", clock).write("key_added", user="cli", target="third")
    assert names(tmp_path) == ["audit-2026-11-29.jsonl", "audit.jsonl"]
    assert len(lines(tmp_path / "audit-2026-11-29.jsonl")) == 2


def test_the_command_line_deletes_no_old_files(tmp_path: Path) -> None:
    clock = Clock()
    audit = writing(tmp_path / "audit.jsonl", clock, days=None)
    audit.write("key_added", user="cli")
    clock.now += 1000 * DAY
    audit.write("key_added", user="cli")
    assert names(tmp_path) == ["audit-2026-11-29.jsonl", "audit.jsonl"]


def test_another_file_of_the_same_day_is_not_overwritten(tmp_path: Path) -> None:
    clock = Clock()
    (tmp_path / "audit-2026-11-29.jsonl").write_text("kept")
    audit = writing(tmp_path / "audit.jsonl", clock)
    audit.write("key_added", user="cli")
    clock.now += DAY
    audit.write("key_added", user="cli")
    assert names(tmp_path) == ["audit-2026-11-29.1.jsonl", "audit-2026-11-29.jsonl", "audit.jsonl"]
    assert (tmp_path / "audit-2026-11-29.jsonl").read_text() == "kept"


@pytest.mark.parametrize("remove", [True, False])
def test_a_file_that_was_moved_or_deleted_is_made_again(tmp_path: Path, remove: bool) -> None:
    path = tmp_path / "audit.jsonl"
    audit = writing(path, Clock())
    audit.write("key_added", user="cli", target="before")
    if remove:
        path.unlink()
    else:
        path.rename(tmp_path / "moved.jsonl")
    audit.write("key_added", user="cli", target="after")
    assert [line["target"] for line in lines(path)] == ["after"]


def test_several_processes_rotate_once_and_lose_no_line(tmp_path: Path) -> None:
    path, count = tmp_path / "audit.jsonl", 200
    midnight = str(NOON + DAY / 2)
    writers = [
        subprocess.Popen([sys.executable, "-c", _WRITER, str(path), name, str(count), midnight])
        for name in "abcd"
    ]
    assert [writer.wait(60) for writer in writers] == [0] * 4
    found = names(tmp_path)
    assert found[0].startswith("audit-2026-11-29") or found == ["audit.jsonl"]
    every = [line for name in found for line in lines(tmp_path / name)]
    assert sorted((line["user"], int(line["target"])) for line in every) == sorted(
        (name, number) for name in "abcd" for number in range(count)
    )


def test_standard_output_needs_no_file(capsys: pytest.CaptureFixture[str]) -> None:
    audit = writing(STDOUT, Clock())
    audit.open()
    audit.write("key_revoked", user="Ad12min3", target="Xy12Ab34")
    line = json.loads(capsys.readouterr().out)
    assert (line["log"], line["action"]) == ("audit", "key_revoked")


def test_a_log_that_cannot_be_written_stops_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock = Clock()
    (tmp_path / "file").touch()
    audit = writing(tmp_path / "file" / "audit.jsonl", clock)
    with pytest.raises(OSError, match="File exists"):
        audit.open()
    caplog.set_level(logging.ERROR, "server.audit")
    for _ in range(10):
        audit.write("key_added", user="cli")
    assert [record.getMessage() for record in caplog.records] == [
        "cannot write the audit log: File exists"
    ]
    clock.now += 60
    audit.write("key_added", user="cli")
    assert len(caplog.records) == 2


def test_after_a_line_that_did_not_fit_the_next_one_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "audit.jsonl"
    audit = writing(path, Clock())
    audit.open()
    with monkeypatch.context() as full:
        write = AuditLog.__init__.__globals__["os"].write
        full.setattr("server.operations.audit.os.write", lambda fd, data: write(fd, data[:20]))
        audit.write("key_added", user="cli", target="cut off")
    audit.write("key_added", user="cli", target="whole")
    first, second = path.read_text().splitlines()
    assert len(first) == 20
    assert json.loads(second)["target"] == "whole"


def test_a_flood_of_refusals_is_one_line_a_second(tmp_path: Path) -> None:
    path, clock = tmp_path / "audit.jsonl", Clock()
    refused = RefusedRequests(writing(path, clock), monotonic=clock)
    for number in range(1000):
        refused.note("", "203.0.113.7", "key_invalid", f"r{number}")
    refused.note("", "203.0.113.8", "key_invalid", "other")
    clock.now += 1
    refused.note("", "203.0.113.7", "key_invalid", "later")
    clock.now += 1
    refused.flush()
    shown = [(line["address"], line.get("request_id"), line.get("count")) for line in lines(path)]
    assert shown == [
        ("203.0.113.7", "r0", None),
        ("203.0.113.8", "other", None),
        ("203.0.113.7", None, 999),
        ("203.0.113.7", "later", None),
    ]


def test_many_sources_of_refusals_share_a_line(tmp_path: Path) -> None:
    path, clock = tmp_path / "audit.jsonl", Clock()
    refused = RefusedRequests(writing(path, clock), monotonic=clock)
    for number in range(3 * MAX_SOURCES):
        refused.note("", f"2001:db8::{number:x}", "key_invalid", "r")
    clock.now += 1
    refused.flush()
    written = lines(path)
    assert len(written) == MAX_SOURCES + 2
    assert written[-1]["count"] == 2 * MAX_SOURCES - 1
