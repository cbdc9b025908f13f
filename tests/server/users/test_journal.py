"""The journal: every line that was written is found again, by one process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from server.users.journal import Event, Journal, line_of, read_events

EVENT = Event("a-1", "Xy12Ab34", 1_796_000_000.125, "2026-11-29", 1, 1, 0, 0.25, 51_234, "")
MORE = 1 << 20

# Begins a segment, writes its first argument, and waits.
_WRITER = """
import sys
from pathlib import Path
from server.users.journal import Journal
journal = Journal(Path(sys.argv[1]), "writer", 1 << 20)
journal.begin(journal.create())
journal.append(sys.argv[2].encode())
print("written", flush=True)
sys.stdin.read()
"""

# Writes until the limit on file sizes, which is reached within a line.
_FULL = """
import resource, sys
from pathlib import Path
from server.users.journal import Journal
journal = Journal(Path(sys.argv[1]), "full", 1 << 20)
journal.begin(journal.create())
line = b"0123456789" * 9 + b"\\n"
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
try:
    while True:
        journal.append(line)
except OSError as error:
    print(error.strerror, journal.size)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
journal.append(line)
print(journal.size)
"""


def begun(folder: Path, name: str = "one", max_bytes: int = MORE) -> Journal:
    journal = Journal(folder, name, max_bytes)
    journal.begin(journal.create())
    return journal


def written(folder: Path) -> list[Event]:
    (path,) = folder.glob("*.jsonl")
    return read_events(path)[0]


def test_a_line_is_the_event_again(tmp_path: Path) -> None:
    odd = EVENT._replace(id="a-2", user="anonymous", code="queue_full", images=0, seconds=0.0)
    journal = begun(tmp_path)
    for event in (EVENT, odd):
        journal.append(line_of(event))
    assert written(tmp_path) == [EVENT, odd]
    (path,) = tmp_path.glob("*.jsonl")
    assert path.stat().st_mode & 0o777 == 0o600
    assert len(line_of(EVENT)) < 120


def test_a_line_that_was_cut_off_is_no_event(tmp_path: Path) -> None:
    path = tmp_path / "one.jsonl"
    path.write_bytes(line_of(EVENT) + line_of(EVENT)[:-1])
    assert read_events(path) == ([EVENT], 0)
    path.write_bytes(b"")
    assert read_events(path) == ([], 0)


@pytest.mark.parametrize(
    "damaged",
    [
        b"\0" * 80,
        b"[1, 2]",
        b'"text"',
        b"not json",
        line_of(EVENT._replace(user="\0")).strip(),
        line_of(EVENT._replace(user="u" * 33)).strip(),
        line_of(EVENT._replace(day="yesterday")).strip(),
        line_of(EVENT._replace(images=1 << 40)).strip(),
        line_of(EVENT._replace(images=-1)).strip(),
        b'["a","b",null,"2026-11-29",1,1,0,0.1,5,""]',
        b'["a","b",NaN,"2026-11-29",1,1,0,0.1,5,""]',
        b'["a","b",1.0,"2026-11-29",1,1,0,0.1,1e400,""]',
        line_of(EVENT._replace(user='quote "')).strip(),
        line_of(EVENT._replace(seconds=float("nan"))).strip(),
    ],
    ids=range(14),
)
def test_a_damaged_line_does_not_hold_up_the_others(tmp_path: Path, damaged: bytes) -> None:
    """As after a loss of power, or by a hand: what the database would refuse is left out."""
    path = tmp_path / "one.jsonl"
    path.write_bytes(line_of(EVENT) + damaged + b"\n" + line_of(EVENT))
    assert read_events(path) == ([EVENT, EVENT], 1)


def test_only_segments_of_dead_processes_are_leftovers(tmp_path: Path) -> None:
    line = line_of(EVENT).decode()
    writer = subprocess.Popen(
        [sys.executable, "-c", _WRITER, str(tmp_path), line],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert writer.stdout is not None
    assert writer.stdin is not None
    try:
        assert writer.stdout.readline() == b"written\n"
        own = begun(tmp_path, "reader")
        assert own.leftovers() == []
        writer.kill()
        writer.wait()
        (found,) = own.leftovers()
        assert read_events(found.path)[0] == [EVENT]
        assert begun(tmp_path, "third").leftovers() == [], "it is locked now"
        found.close(remove=True)
        assert not found.path.exists()
    finally:
        writer.kill()
        writer.wait()
        writer.stdin.close()
        writer.stdout.close()


def test_a_segment_that_is_sealed_can_be_shipped_while_the_next_is_written(tmp_path: Path) -> None:
    journal = begun(tmp_path)
    journal.append(line_of(EVENT))
    journal.begin(journal.create())
    journal.append(line_of(EVENT._replace(id="a-2")))
    (sealed,) = journal.sealed
    assert [event.id for event in read_events(sealed.path)[0]] == ["a-1"]
    journal.forget(sealed)
    journal.close(sealed, remove=True)
    assert [event.id for event in written(tmp_path)] == ["a-2"]
    journal.sync()


def test_the_size_of_all_segments_is_limited(tmp_path: Path) -> None:
    line = line_of(EVENT)
    journal = begun(tmp_path, max_bytes=2 * len(line))
    journal.append(line)
    journal.begin(journal.create())
    journal.append(line)
    with pytest.raises(OSError, match="max_journal_mb"):
        journal.append(line)
    (sealed,) = journal.sealed
    journal.forget(sealed)
    journal.append(line)


def test_where_only_a_part_of_a_line_fits_none_is_written(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _FULL, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == ["No space left on device 910", str(11 * 91)]
    (path,) = tmp_path.glob("*.jsonl")
    assert path.read_bytes() == (b"0123456789" * 9 + b"\n") * 11


def test_an_empty_segment_is_removed_at_the_end_and_others_are_left(tmp_path: Path) -> None:
    begun(tmp_path).leave()
    assert list(tmp_path.glob("*.jsonl")) == []
    journal = begun(tmp_path)
    journal.append(line_of(EVENT))
    journal.leave()
    assert written(tmp_path) == [EVENT]
    with pytest.raises(OSError, match="no journal"):
        journal.append(line_of(EVENT))
    assert journal.has_leftovers()
