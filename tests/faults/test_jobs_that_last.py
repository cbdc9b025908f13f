"""Rows 84 to 88: jobs outlive the server, its database and its disk."""

from __future__ import annotations

import resource
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from server.database.location import locate
from server.database.schema import upgrade
from tests.support.cards import card
from tests.support.databases import postgresql
from tests.support.faulty_server import Serve, prepare
from tests.support.http_client import Reply
from tests.support.postgresql import PostgreSQL
from tests.support.server_process import START_SECONDS, ServerProcess
from tests.support.watching import wait_until

__all__ = ["postgresql"]

JOBS = 6
ROOM = 1 << 20


def accept(server: ServerProcess, text: str) -> str:
    """Start a job; its address."""
    reply = server.upload(card(text), block_flag="False")
    assert reply.status == 202, reply.body
    return str(reply.json["job"]["url"])


def ended(server: ServerProcess, url: str) -> Reply:
    reply = server.get(f"{url}?wait=30")
    assert reply.headers["X-Job-State"] == "done", reply.body
    return reply


def restart(server: ServerProcess) -> None:
    """Start it again after a kill, on the same state."""
    server.start()
    server.wait_until_ready("/readyz", START_SECONDS)


@pytest.fixture
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server that the test may kill."""
    with prepare(tmp_path_factory.mktemp("own"), fakes=True, timeout_seconds=30) as server:
        yield server


@pytest.mark.faults(84)
def test_jobs_that_wait_or_run_when_the_server_is_killed(alone: ServerProcess, gate: Path) -> None:
    texts = [f"hold {gate} {n}" for n in range(JOBS)]
    urls = [accept(alone, text) for text in texts]
    wait_until(lambda: alone.begun(texts[0]) == 1, "the start of the first")
    alone.kill()
    restart(alone)
    gate.unlink()
    for url, text in zip(urls, texts, strict=True):
        reply = ended(alone, url)
        assert reply.text == text
    first = alone.get(urls[0]).json["job"]
    assert first["attempts"] == 2


@pytest.mark.faults(84)
@pytest.mark.parametrize("moment", range(5))
def test_a_job_that_ends_while_the_server_is_killed(alone: ServerProcess, moment: int) -> None:
    urls = [accept(alone, f"take 0.01 {n}") for n in range(20)]
    wait_until(lambda: alone.begun(f"take 0.01 {moment}") >= 1, "some of them begun")
    alone.kill()
    restart(alone)
    for n, url in enumerate(urls):
        assert ended(alone, url).text == f"take 0.01 {n}"


@pytest.mark.faults(84)
def test_a_server_that_drains_leaves_its_jobs_to_the_next_start(
    alone: ServerProcess, gate: Path
) -> None:
    texts = [f"hold {gate} {n}" for n in range(JOBS)]
    urls = [accept(alone, text) for text in texts]
    wait_until(lambda: alone.begun(texts[1]) == 1, "the start of two")
    alone.terminate()
    wait_until(lambda: "draining" in alone.output, "the drain")
    gate.unlink()
    assert alone.wait() == 0
    assert alone.begun(texts[-1]) == 0
    restart(alone)
    for url, text in zip(urls, texts, strict=True):
        assert ended(alone, url).text == text
    assert [alone.begun(text) for text in texts] == [1] * JOBS


@pytest.mark.faults(85)
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_two_servers_share_the_jobs_and_one_is_killed(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest, gate: Path, kind: str
) -> None:
    folders = [tmp_path_factory.mktemp(name) for name in ("first", "second")]
    database = shared_database(kind, folders[0], request)
    with (
        prepare(folders[0], fakes=True, environment=database, timeout_seconds=30) as first,
        prepare(folders[1], fakes=True, environment=database, timeout_seconds=30) as second,
    ):
        texts = [f"hold {gate} {n}" for n in range(JOBS)]
        urls = [accept(first, text) for text in texts]
        wait_until(lambda: sum(map(second.begun, texts)) == 2, "work for the second")
        wait_until(lambda: sum(map(first.begun, texts)) == 2, "work for the first")
        first.kill()
        gate.unlink()
        for url, text in zip(urls, texts, strict=True):
            assert ended(second, url).text == text
        assert all(first.begun(text) + second.begun(text) <= 2 for text in texts)


def shared_database(kind: str, folder: Path, request: pytest.FixtureRequest) -> dict[str, str]:
    """The setting that names a new database, as an environment."""
    if kind == "sqlite":
        return {"OCR_DATABASE__URL": f"sqlite:///{folder}/shared.sqlite3"}
    server: PostgreSQL = request.getfixturevalue("postgresql")
    return {"OCR_DATABASE__URL": new_database(server, folder.name)}


def new_database(server: PostgreSQL, name: str) -> str:
    """The URL of a new database with the newest schema."""
    url = server.create_database(name)
    upgrade(locate(url, Path("/nowhere")))
    return url


@pytest.mark.faults(86)
def test_postgresql_stops_while_a_job_runs(
    tmp_path_factory: pytest.TempPathFactory, gate: Path
) -> None:
    folder = tmp_path_factory.mktemp("own")
    with PostgreSQL() as database:
        environment = {"OCR_DATABASE__URL": new_database(database, "jobs")}
        with prepare(folder, fakes=True, environment=environment, timeout_seconds=30) as server:
            text = f"hold {gate}"
            running, waiting = accept(server, text), accept(server, "waits")
            wait_until(lambda: server.begun(text) == 1, "its start")
            database.stop()
            for reply in (
                server.upload(card("a new one"), block_flag="False"),
                server.get(running),
            ):
                assert (reply.status, reply.code) == (503, "storage_unavailable")
                assert reply.headers["Retry-After"]
            assert server.upload(card("still read")).text == "still read"
            gate.unlink()
            wait_until(lambda: server.health()["queue"]["running"] == 0, "the result")
            database.start()
            assert ended(server, running).text == text
            assert ended(server, waiting).text == "waits"
            assert server.begun(text) == 1


@pytest.mark.faults(87)
def test_the_folder_of_the_inputs_cannot_be_written(serve: Serve) -> None:
    server = serve()
    url = accept(server, "before the fault")
    ended(server, url)
    blobs = server.folder / "state" / "ocr-server" / "blobs"
    blobs.rename(blobs.with_name("elsewhere"))
    blobs.write_text("a file where the folder was")
    reply = server.upload(card("cannot be kept"), block_flag="False")
    assert (reply.status, reply.code) == (503, "storage_unavailable")
    assert server.upload(card("but it is read")).text == "but it is read"
    blobs.unlink()
    blobs.with_name("elsewhere").rename(blobs)
    assert ended(server, accept(server, "after it")).text == "after it"


@pytest.mark.faults(87)
def test_the_disk_has_no_room_for_an_input(serve: Serve) -> None:
    large = card("larger than the room") + b"x" * (2 * ROOM)
    server = serve()
    ended(server, accept(server, "before the fault"))
    resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (ROOM, resource.RLIM_INFINITY))
    reply = server.upload(large, block_flag="False")
    assert (reply.status, reply.code) == (503, "storage_unavailable")
    assert server.upload(large).text == "larger than the room"
    resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
    reply = server.upload(large, block_flag="False")
    assert ended(server, reply.json["job"]["url"]).text == "larger than the room"
    blobs = server.folder / "state" / "ocr-server" / "blobs"
    assert len(list(blobs.iterdir())) == 2, "the results alone"


@pytest.mark.faults(87)
@pytest.mark.parametrize("fault", ["moved away", "deleted", "replaced"])
def test_the_state_folder_is_taken_from_a_running_server(alone: ServerProcess, fault: str) -> None:
    first = accept(alone, "before the fault")
    ended(alone, first)
    state = alone.folder / "state" / "ocr-server"
    elsewhere = state.with_name("elsewhere")
    state.rename(elsewhere)
    if fault == "deleted":
        shutil.rmtree(elsewhere)
    elif fault == "replaced":
        shutil.copytree(elsewhere, state)
    reply = alone.upload(card("would be lost"), block_flag="False")
    assert (reply.status, reply.code) == (503, "storage_unavailable")
    assert alone.get(first).code == "storage_unavailable"
    health = alone.health()["database"]
    assert health["state"] == "unavailable"
    said = "was replaced" if fault == "replaced" else "was deleted"
    assert f"{state}/ocr.sqlite3 {said}" in health["problem"]
    assert alone.upload(card("still read")).text == "still read"
    assert alone.output.count("ERROR server.database: the database is away") == 1
    if fault == "moved away":
        assert not state.exists()
        elsewhere.rename(state)
        assert alone.health()["database"]["state"] == "open"
    else:
        alone.terminate()
        assert alone.wait() == 0
        restart(alone)
    if fault != "deleted":
        assert ended(alone, first).text == "before the fault"
    assert ended(alone, accept(alone, "after it")).text == "after it"


@pytest.mark.faults(87)
def test_without_a_state_folder_jobs_are_kept_in_memory(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("own")
    environment = {"STATE_DIRECTORY": "/dev/null/state"}
    with prepare(folder, fakes=True, environment=environment) as server:
        assert server.health()["jobs_kept_in"] == "database"
        for text in ("in memory", "no second warning"):
            assert ended(server, accept(server, text)).text == text
        health = server.health()
        assert health["jobs_kept_in"] == "memory"
        assert health["database"]["state"] == "unavailable"
        assert "cannot create the state folder" in health["database"]["problem"]
        assert server.output.count("jobs are kept in memory, and a restart loses them") == 1
