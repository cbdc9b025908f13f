"""Row 83: a user tries to find out what another one has sent."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cache.keys import Digests, digest
from cache.recent_images import RecentImages
from cache.result_cache import ResultCache
from ocr_engine.pool.task import PoolTask
from server.service import digesting
from server.service.service import OcrService
from tests.support.cards import card
from tests.support.http_client import Reply
from tests.support.live_server import LiveServer
from tests.support.named_users import name_users, of
from tests.support.watching import wait_until

pytestmark = pytest.mark.faults(83)
USERS = ("A", "B", "")  # and a request without a key


@pytest.fixture(autouse=True)
def _named(monkeypatch: pytest.MonkeyPatch) -> None:
    name_users(monkeypatch)


@pytest.fixture
def shared(wide: LiveServer, monkeypatch: pytest.MonkeyPatch) -> LiveServer:
    """The server with cache.scope = shared."""
    monkeypatch.setattr(wide.context.service.results, "_private", False)
    return wide


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The images that were hashed during the test."""
    seen: list[bytes] = []

    def noted(data: bytes) -> Digests:
        seen.append(data)
        return digest(data)

    monkeypatch.setattr(digesting, "digest", noted)
    return seen


@pytest.fixture
def clients() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as pool:
        yield pool


def result(server: LiveServer, user: str, image: bytes, method: str = "GET") -> Reply:
    """The answer of /results for the image."""
    return server.request(method, f"/results/{digest(image).md5}", headers=of(user))


def outcomes(replies: list[Reply]) -> list[str]:
    """The outcomes by header, which the bodies confirm."""
    assert all(reply.json["cache"] == reply.headers["X-Cache"] for reply in replies)
    return [reply.headers["X-Cache"] for reply in replies]


@pytest.mark.parametrize("fields", [{}, {"block_flag": "False"}])
def test_a_kept_result_is_found_by_its_user_only(wide: LiveServer, fields: dict[str, str]) -> None:
    image = card(f"the image of A {fields}")
    for user in USERS:
        assert result(wide, user, image).status == 404
        assert wide.upload(image, of(user)).headers["X-Cache"] == "miss"
        again = wide.upload(image, of(user), **fields)
        if again.status == 202:
            again = wide.get(f"{again.json['job']['url']}?wait=20", of(user))
        assert again.headers["X-Cache"] == "hit"
        assert result(wide, user, image).headers["X-Cache"] == "hit"
    assert wide.begun(f"the image of A {fields}") == len(USERS)


def test_nobody_joins_the_recognition_of_another(
    wide: LiveServer, clients: ThreadPoolExecutor, gate: Path
) -> None:
    text = f"hold {gate}"
    sent = [clients.submit(wide.upload, card(text), of(user)) for user in ("A", "B", "A", "B")]
    wait_until(lambda: wide.outcomes() == {"miss": 2, "joined": 2}, "all four")
    gate.unlink()
    assert sorted(outcomes([each.result(20) for each in sent])) == ["joined"] * 2 + ["miss"] * 2
    assert wide.begun(text) == 2


def test_an_image_that_another_has_sent_is_hashed_as_a_new_one(
    wide: LiveServer, hashed: list[bytes]
) -> None:
    image = card("hashed for each of them")
    for user in USERS:
        hashed.clear()
        for _ in range(4):
            wide.upload(image, of(user))
        assert hashed == [image, image]


def test_a_file_that_another_has_named_is_read_as_a_new_one(
    wide: LiveServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = wide.images / "isolated.png"
    file.write_bytes(card("isolated file"))
    files = wide.context.sources._files
    monkeypatch.setattr("server.intake.file_roots.SETTLED_SECONDS", -1)
    read: list[object] = []
    read_file = files.read

    def noted(opened: Any) -> Any:
        read.append(opened)
        return read_file(opened)

    monkeypatch.setattr(files, "read", noted)
    for count, user in enumerate(USERS, 1):
        for outcome in ("miss", "hit"):
            body = b"file_type=filename&filename=isolated.png"
            form = {"Content-Type": "application/x-www-form-urlencoded"}
            reply = wide.request("POST", "/ocr_service", body, {**form, **of(user)})
            assert reply.headers["X-Cache"] == outcome
        assert len(read) == count
    file.unlink()


def test_the_quarantine_of_one_says_nothing_to_another(wide: LiveServer) -> None:
    image = card("crash")
    for user in ("A", "B"):
        assert wide.upload(image, of(user)).code == "worker_crashed"
        assert wide.upload(image, of(user)).code == "poison_input"
        wait_until(lambda: wide.warm() == wide.number, "new workers")


def test_a_user_erases_its_own_results_only(
    wide: LiveServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    recent = RecentImages(1 << 20)
    monkeypatch.setattr(wide.context.service.digester, "recent", recent)
    monkeypatch.setattr(wide.context.service.results, "_recent", recent)
    image, other = card("to be erased"), card("to be kept")
    for user in ("A", "B"):
        for _ in range(2):
            wide.upload(image, of(user))
            wide.upload(image, of(user), det_db_thresh="0.1")
            wide.upload(other, of(user))
    assert len(recent) == 4
    assert result(wide, "C", image, "DELETE").status == 404
    erased = result(wide, "A", image, "DELETE")
    assert (erased.status, erased.body) == (204, b"")
    assert result(wide, "A", image, "DELETE").code == "not_found"
    assert (result(wide, "A", image).status, result(wide, "A", other).status) == (404, 200)
    assert result(wide, "B", image).status == 200
    assert len(recent) == 3
    assert wide.upload(image, of("A"), det_db_thresh="0.1").headers["X-Cache"] == "miss"


def test_nothing_is_left_of_a_user_that_is_erased(
    wide: LiveServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = wide.context.service
    recent, cache = RecentImages(1 << 20), ResultCache(60, 100, 1 << 20)
    monkeypatch.setattr(service.digester, "recent", recent)
    monkeypatch.setattr(service, "cache", cache)
    monkeypatch.setattr(service.results, "_recent", recent)
    monkeypatch.setattr(service.results, "_cache", cache)
    for user in ("A", "B"):
        for text in ("one", "two"):
            for _ in range(2):
                wide.upload(card(f"all of a user: {text}"), of(user))
    assert wide.call(lambda: service.results.erase("A"))
    assert not wide.call(lambda: service.results.erase("A"))
    assert {key.owner for key in cache._entries} == {"B"}
    assert {sketch.owner for sketch in recent._images} == {"B"}


def test_a_query_of_a_delete_is_refused(wide: LiveServer) -> None:
    path = f"/results/{'0' * 32}?drop_score=0.5"
    assert wide.request("DELETE", path).code == "bad_field"


def test_a_shared_cache_serves_all(
    shared: LiveServer, clients: ThreadPoolExecutor, gate: Path
) -> None:
    text = f"hold {gate}"
    first = clients.submit(shared.upload, card(text), of("A"))
    wait_until(lambda: shared.begun(text) == 1, "the start")
    second = clients.submit(shared.upload, card(text), of("B"))
    wait_until(lambda: shared.outcomes().get("joined") == 1, "the second")
    gate.unlink()
    replies = [first.result(20), second.result(20), shared.upload(card(text), of("C"))]
    assert outcomes(replies) == ["miss", "joined", "hit"]
    assert result(shared, "D", card(text)).status == 200
    assert not shared.call(lambda: shared.context.service.results.erase("A"))
    assert result(shared, "D", card(text)).status == 200


@pytest.mark.parametrize("user", USERS)
def test_nobody_erases_the_shared_result_of_all(shared: LiveServer, user: str) -> None:
    image = card("the result of all")
    shared.upload(image, of("A"))
    assert result(shared, user, image, "DELETE").code == "not_allowed"
    assert result(shared, "B", image).status == 200


def test_an_image_that_two_users_wait_for_has_the_better_turn(
    shared: LiveServer,
    clients: ThreadPoolExecutor,
    gate: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    patient = replace(shared.pool._deadlines, task_seconds=20.0)  # for the held images
    monkeypatch.setattr(shared.pool, "_deadlines", patient)
    texts = [f"hold {gate} {number}" for number in range(2)]
    sent: list[Future[Reply]] = []
    sent += [clients.submit(shared.upload, card(text), of("A")) for text in texts]
    wait_until(lambda: all(shared.begun(text) for text in texts), "busy workers")
    jobs = [f"flood of A, {number}" for number in range(3)]
    for text in jobs:
        shared.upload(card(text), of("A"), block_flag="False")
    shared.clear()
    sent.append(clients.submit(shared.upload, card(jobs[-1]), of("B")))
    wait_until(lambda: joined_and_moved(shared.context.service, jobs[-1]), "the better place")
    gate.unlink()
    assert [each.result(20).status for each in sent] == [200] * 3
    wait_until(lambda: shared.call(shared.pool.pending) == 0, "all jobs done")
    begun = [line for line in shared.journal.read_text().splitlines() if " begin " in line]
    assert jobs[-1] in "".join(begun[:2])


def joined_and_moved(service: OcrService, text: str) -> bool:
    """Whether the card waits in the turn of B."""
    wanted = digest(card(text)).md5
    flights = [f for f in list(service._flights.values()) if f.identity[0].md5 == wanted]
    return any(isinstance(f.task, PoolTask) and f.task.turn.user == "B" for f in flights)
