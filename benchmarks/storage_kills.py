"""Checks that no object and no file is lost or read twice while what reads them is killed.

    python benchmarks/storage_kills.py [--objects 1000] [--files 500] [--kills 2]

Objects are put into a bucket of SeaweedFS, and nine tenths of them are reported to a server with
fake recognizers, which is killed. Their results go to another bucket, to PostgreSQL and to a file
of lines. Then files are laid into a folder while `ocr-server watch` is killed and restarted. In the
end each of them must have its own text in each place, once. Exit status 1 if a check failed.
"""

from __future__ import annotations

import sys
import tempfile
from argparse import ArgumentParser, Namespace
from pathlib import Path

import psycopg
from server_under_test import Verdict

from server.database.location import locate
from server.database.schema import upgrade
from tests.support.object_stores import SeaweedFS
from tests.support.postgresql import PostgreSQL
from tests.support.storage_runs import Outcome, read_objects, watch_files


def main() -> int:
    """Run both and print the table."""
    arguments = _parse()
    verdict = Verdict()
    with tempfile.TemporaryDirectory(prefix="ocr-storage-") as folder:
        _objects(verdict, Path(folder) / "objects", arguments)
        _files(verdict, Path(folder) / "files", arguments)
    return verdict.print()


def _objects(verdict: Verdict, folder: Path, arguments: Namespace) -> None:
    folder.mkdir()
    count = arguments.objects
    with PostgreSQL() as postgresql, SeaweedFS() as seaweedfs:
        url = postgresql.create_database("storage")
        upgrade(locate(url, folder))
        outcome = read_objects(
            folder, seaweedfs, count, count * 9 // 10, arguments.kills, database=url
        )
        _judge(verdict, "objects", outcome)
        rows = _count(url, "SELECT count(*) FROM storage_result WHERE status = 'success'")
        verdict.row("rows in PostgreSQL", str(rows), rows == count)
        done = _count(url, "SELECT count(*) FROM storage_object WHERE state = 'done'")
        verdict.row("done in the ledger", str(done), done == count)
        used = _count(url, "SELECT count(*) FROM usage_event WHERE \"user\" = 'storage'")
        verdict.row("usage events", str(used), used == count)


def _files(verdict: Verdict, folder: Path, arguments: Namespace) -> None:
    folder.mkdir()
    outcome = watch_files(folder, arguments.files, arguments.kills)
    _judge(verdict, "files", outcome)


def _judge(verdict: Verdict, what: str, outcome: Outcome) -> None:
    count = len(outcome.texts)
    killed = f"{outcome.kills} kills in {outcome.seconds:.0f} s"
    verdict.row(what, f"{count}, {outcome.events} events, {killed}")
    verdict.row(f"results of {what}", str(len(outcome.lines)), len(outcome.lines) == count)
    verdict.row("lost or wrong", str(outcome.lost), outcome.lost == 0)
    verdict.row("twice", str(outcome.twice), outcome.twice == 0)
    verdict.row("readings", f"{outcome.readings}, {outcome.readings - count} after a kill")


def _count(url: str, query: str) -> int:
    with psycopg.connect(url) as connection:
        ((count,),) = connection.execute(query.encode()).fetchall()
    return int(count)


def _parse() -> Namespace:
    parser = ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--objects", type=int, default=1000)
    parser.add_argument("--files", type=int, default=500)
    parser.add_argument("--kills", type=int, default=2)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
