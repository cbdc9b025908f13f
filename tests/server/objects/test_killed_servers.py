"""No object is lost or read twice while the server, or `watch`, is killed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.object_stores import SeaweedFS
from tests.support.storage_runs import read_objects, watch_files

pytestmark = pytest.mark.slow


def test_a_killed_server_loses_no_object_and_reads_none_twice(
    tmp_path: Path, seaweedfs: SeaweedFS
) -> None:
    outcome = read_objects(tmp_path, seaweedfs, count=60, reported=50, kills=2)
    assert (outcome.lost, outcome.twice, len(outcome.lines)) == (0, 0, 60)
    assert outcome.events >= 50


def test_a_restarted_watch_loses_no_file_and_reads_none_twice(tmp_path: Path) -> None:
    outcome = watch_files(tmp_path, count=40, restarts=2)
    assert (outcome.lost, outcome.twice, len(outcome.lines)) == (0, 0, 40)
