"""Rows 68 and 69: kept results that are damaged or foreign, and those of users that were erased."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cache.kept_file import FILE_NAME
from server.database.location import locate
from server.users.key_record import KeyRecord
from tests.support.cards import card
from tests.support.checkout import ROOT
from tests.support.keys import add_key_now
from tests.support.server_process import START_SECONDS, ServerProcess

TEXT = "the text of an image"
IMAGE = card(TEXT)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    """A server that keeps its results."""
    settings = {"ocr": {"process": {"number": 1}}, "cache": {"keep": True}}
    with ServerProcess(tmp_path, settings, fakes=True) as started:
        yield started


@pytest.fixture
def key(tmp_path: Path) -> tuple[KeyRecord, dict[str, str]]:
    """A key in the server's database, and the header with it."""
    record, secret = add_key_now(locate(None, state_of(tmp_path)))
    return record, {"Authorization": f"Bearer {secret}"}


def state_of(folder: Path) -> Path:
    return folder / "state" / "ocr-server"


def kept_file(server: ServerProcess) -> Path:
    return state_of(server.folder) / "cache" / FILE_NAME


def stop(server: ServerProcess) -> None:
    server.terminate()
    assert server.wait() == 0


def start(server: ServerProcess) -> None:
    server.start()
    server.wait_until_ready("/readyz", START_SECONDS)


def cache_of(server: ServerProcess, headers: dict[str, str] | None = None) -> str:
    """Whether the image is read again."""
    reply = server.upload(IMAGE, headers)
    assert (reply.status, reply.text) == (200, TEXT)
    return str(reply.json["cache"])


@pytest.mark.faults(68)
def test_results_outlive_a_restart(server: ServerProcess) -> None:
    assert cache_of(server) == "miss"
    stop(server)
    start(server)
    assert cache_of(server) == "hit"
    assert server.begun(TEXT) == 1


def truncate(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-10])


def change_a_letter(file: Path) -> None:
    file.write_bytes(file.read_bytes().replace(TEXT.encode(), TEXT.upper().encode()))


def write_a_pickle(file: Path) -> None:
    file.write_bytes(b"\x80\x04\x8c\x05posix\x8c\x06system\x93\x8c\x04true\x85R.")


def take_that_of_another_program(file: Path) -> None:
    file.write_bytes(file.read_bytes().replace(b'"identity":"', b'"identity":"0', 1))


def lend_to_everybody(file: Path) -> None:
    file.chmod(0o666)


@pytest.mark.faults(68)
@pytest.mark.parametrize(
    "damage",
    [truncate, change_a_letter, write_a_pickle, take_that_of_another_program, lend_to_everybody],
)
def test_a_damaged_or_foreign_file_is_ignored(
    damage: Callable[[Path], None], server: ServerProcess
) -> None:
    assert cache_of(server) == "miss"
    stop(server)
    damage(kept_file(server))
    start(server)
    assert cache_of(server) == "miss"
    assert server.output.count("the kept results are ignored") == 1
    assert "Traceback" not in server.output
    stop(server)
    start(server)
    assert cache_of(server) == "hit"


def purge(server: ServerProcess, record: KeyRecord) -> None:
    subprocess.run(
        [sys.executable, "-m", "server", "keys", "purge", record.key_id, "--yes"],
        cwd=ROOT,
        env={**os.environ, "XDG_STATE_HOME": str(server.folder / "state")},
        check=True,
        capture_output=True,
    )


@pytest.mark.faults(69)
def test_the_results_of_a_user_outlive_a_restart_for_this_user_alone(
    server: ServerProcess, key: tuple[KeyRecord, dict[str, str]]
) -> None:
    _, header = key
    assert cache_of(server, header) == "miss"
    stop(server)
    start(server)
    assert cache_of(server) == "miss"
    assert cache_of(server, header) == "hit"


@pytest.mark.faults(69)
@pytest.mark.parametrize("restored_from_a_backup", [False, True])
def test_a_user_is_erased_while_no_server_runs(
    restored_from_a_backup: bool, server: ServerProcess, key: tuple[KeyRecord, dict[str, str]]
) -> None:
    record, header = key
    assert cache_of(server, header) == "miss"
    stop(server)
    file = kept_file(server)
    kept = file.read_bytes()
    assert TEXT.encode() in kept
    purge(server, record)
    assert not file.exists()
    if restored_from_a_backup:
        file.write_bytes(kept)
        file.chmod(0o600)
    start(server)
    assert server.health()["cache"]["entries"] == 0
    assert server.upload(card("another one")).status == 200
    stop(server)
    assert TEXT.encode() not in file.read_bytes()


@pytest.mark.faults(69)
def test_a_user_is_erased_while_the_server_runs(
    server: ServerProcess, key: tuple[KeyRecord, dict[str, str]]
) -> None:
    record, header = key
    assert cache_of(server, header) == "miss"
    stop(server)
    start(server)
    file = kept_file(server)
    assert TEXT.encode() in file.read_bytes()
    purge(server, record)
    assert not file.exists()
    assert server.upload(card("another one")).status == 200
    stop(server)
    assert TEXT.encode() not in file.read_bytes()


@pytest.mark.faults(69)
def test_an_erased_result_does_not_come_back_after_sigkill(
    server: ServerProcess, key: tuple[KeyRecord, dict[str, str]]
) -> None:
    _, header = key
    assert cache_of(server, header) == "miss"
    md5 = server.upload(IMAGE, header).json["md5"]
    stop(server)
    start(server)
    assert server.request("DELETE", f"/results/{md5}", None, header).status == 204
    server.kill()
    assert not kept_file(server).exists()
    start(server)
    assert cache_of(server, header) == "miss"
