"""The service below HTTP: cases that HTTP requests cannot cause reliably."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cache.keys import digest
from ocr_engine.model_sets import LoadableSet
from ocr_engine.options import RecognitionOptions
from server.formats.answer import Answer
from server.intake.request import OcrRequest
from server.intake.uploaded_image import UploadedImage
from server.service.flights import Ticket
from tests.support.cards import card
from tests.support.live_server import LiveServer
from tests.support.watching import wait_until

# The public MD5 collision of Wang, Feng, Lai and Yu (2004), https://eprint.iacr.org/2004/199
COLLIDING = tuple(
    bytes.fromhex(
        "d131dd02c5e6eec4693d9a0698aff95c2fcab5" + a + "12467eab4004583eb8fb7f89"
        "55ad340609f4b30283e4888325" + b + "415a085125e8f7cdc99fd91dbd" + c + "280373c5b"
        "d8823e3156348f5bae6dacd436c919c6dd53e2" + d + "487da03fd02396306d248cda0"
        "e99f33420f577ee8ce54b67080" + e + "0d1ec69821bcb6a8839396f965" + f + "b6ff72a70"
    )
    for a, b, c, d, e, f in [
        ("87", "71", "f", "b", "a8", "2"),
        ("07", "f1", "7", "3", "28", "a"),
    ]
)


def request(image: bytes, hashed: bytes | None = None, drop_score: float = 0.5) -> OcrRequest:
    """A request for an image; hashed: bytes whose digests it gets."""
    digests = digest(image if hashed is None else hashed)
    upload = UploadedImage(image, known=lambda *_: digests)
    return OcrRequest(upload, RecognitionOptions(drop_score=drop_score))


def ask(server: LiveServer, wanted: OcrRequest) -> tuple[Ticket, Answer]:
    """Submit a request on the server's loop and wait for its answer."""

    async def whole() -> tuple[Ticket, Answer]:
        ticket = await server.context.service.submit(wanted)
        return ticket, await ticket.answer()

    return server.run(whole)


def use(server: LiveServer, models: LoadableSet) -> None:
    """Have all workers use these models."""
    server.run(lambda: server.pool.use_models(models))
    wait_until(lambda: server.call(server.pool.supervisor.outdated) == 0, "all workers with them")


@pytest.mark.faults(37)
def test_the_collision_is_one() -> None:
    first, second = (digest(block) for block in COLLIDING)
    assert first.md5 == second.md5 == "79054025255fb1a26e4bc422aef54eb4"
    assert first.sha256 != second.sha256


@pytest.mark.faults(37)
def test_two_images_with_one_md5_get_their_own_text(wide: LiveServer) -> None:
    both = [
        request(card(text), block)
        for text, block in zip(("first text", "second text"), COLLIDING, strict=True)
    ]
    for _ in range(2):
        for wanted, text in zip(both, (b"first text", b"second text"), strict=True):
            ticket, answer = ask(wide, wanted)
            assert text in answer.result.json
            assert ticket.outcome == "miss"
            assert ask(wide, wanted)[0].outcome == "hit"


@pytest.mark.faults(37)
def test_two_images_with_one_md5_do_not_join(wide: LiveServer, gate: Path) -> None:
    async def both() -> list[Ticket]:
        return [
            await wide.context.service.submit(request(card(text), block, 0.9))
            for text, block in zip((f"hold {gate}", "other"), COLLIDING, strict=True)
        ]

    tickets = wide.run(both)
    assert [ticket.outcome for ticket in tickets] == ["miss", "miss"]
    gate.unlink()
    answers = [wide.run(ticket.answer) for ticket in tickets]
    assert b"hold" in answers[0].result.json
    assert b"other" in answers[1].result.json


@pytest.mark.faults(39)
def test_other_models_have_their_own_entry(wide: LiveServer) -> None:
    wanted = request(card("read by which models"))
    assert [ask(wide, wanted)[0].outcome for _ in range(2)] == ["miss", "hit"]
    present = wide.pool.models.default
    use(wide, replace(present, fingerprint="of others"))
    assert [ask(wide, wanted)[0].outcome for _ in range(2)] == ["miss", "hit"]
    use(wide, present)
    assert ask(wide, wanted)[0].outcome == "hit"


def test_work_that_was_given_up_is_not_joined(narrow: LiveServer, gate: Path) -> None:
    """The same image arrives in the turn of the loop in which the first client disconnects."""

    async def scenario() -> tuple[Ticket, Callable[[], Coroutine[Any, Any, Answer]]]:
        service = narrow.context.service
        first = await service.submit(request(card(f"hold {gate}")))
        (await service.submit(request(card("again")))).leave()
        second = await service.submit(request(card("again")))
        return second, first.answer

    second, first_answer = narrow.run(scenario)
    assert second.outcome == "miss"
    gate.unlink()
    assert b"hold" in narrow.run(first_answer).result.json
    assert b"again" in narrow.run(second.answer).result.json


def test_the_first_of_several_leaves_and_the_others_are_served(
    narrow: LiveServer, gate: Path
) -> None:
    async def scenario() -> tuple[Ticket, Ticket]:
        service = narrow.context.service
        first = await service.submit(request(card(f"hold {gate}")))
        others = [await service.submit(request(card("shared"))) for _ in range(3)]
        others[0].leave()
        others[1].leave(stop_running=True)
        return first, others[2]

    first, last = narrow.run(scenario)
    gate.unlink()
    assert b"hold" in narrow.run(first.answer).result.json
    assert b"shared" in narrow.run(last.answer).result.json
    assert narrow.begun("shared") == 1


def test_leaving_twice_counts_once(narrow: LiveServer, gate: Path) -> None:
    async def scenario() -> Ticket:
        service = narrow.context.service
        first, second = [await service.submit(request(card(f"hold {gate}"))) for _ in range(2)]
        first.leave(stop_running=True)
        first.leave(stop_running=True)
        return second

    second = narrow.run(scenario)
    wait_until(lambda: narrow.begun(f"hold {gate}") == 1, "the start")
    gate.unlink()
    assert b"hold" in narrow.run(second.answer).result.json
