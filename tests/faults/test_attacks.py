"""Rows 71 and 72: what an attack on the server found, one by one and at the same time."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import attack
import pytest
from attacks.attack import Seen, Target
from attacks.bodies import MANY, send
from attacks.images import costly_image
from attacks.together import all_at_once
from attacks.uploads import half_sent, non_readers
from honest_clients import HonestClients

from costly_images import gif_of_sub_blocks, jpeg_of_scans
from tests.support.cards import card
from tests.support.greedy_clients import asking, get
from tests.support.server_process import ServerProcess
from tests.support.watching import descriptors, wait_until

KNOWN = "an honest image"
TOGETHER_SECONDS = 4.0

QUICK: dict[str, Callable[[Target], Seen]] = {
    each.name: each.run for each in attack.ATTACKS if each.is_quick
}
SHORTER: dict[str, Callable[[Target], Seen]] = {
    "very many fields": partial(send, {"keys": MANY["900,000 JSON keys"]}),
    "answers that nobody reads": partial(non_readers, readers=3, until_ended=False),
    "large uploads that stop halfway": partial(half_sent, count=8),
    "JPEG of many scans": lambda target: costly_image(target, jpeg_of_scans(400, 300), "422"),
    "GIF of many sub-blocks": lambda target: costly_image(target, gif_of_sub_blocks(1 << 20)),
}

ALL = {**QUICK, **SHORTER}


def target_of(server: ServerProcess) -> Target:
    return Target(server.port, server.pid, server.folder / "server.log", card(KNOWN))


@pytest.mark.faults(71)
@pytest.mark.parametrize("name", ALL)
def test_an_attack_alone(patient: ServerProcess, name: str) -> None:
    seen = ALL[name](target_of(patient))
    assert seen.holds, seen.text


@pytest.mark.faults(71)
def test_requests_in_a_row_of_clients_that_have_left_are_not_answered(
    patient: ServerProcess,
) -> None:
    open_before = descriptors(patient.pid)
    answered = patient.output.count("GET /openapi.json")
    clients, each = 20, 500
    with asking(patient.port, [get("/openapi.json") * each] * clients):
        wait_until(lambda: patient.output.count("GET /openapi.json") > answered, "some answers")
    wait_until(lambda: descriptors(patient.pid) <= open_before, "all connections closed")
    since = patient.output.count("GET /openapi.json")
    for _ in range(20):
        assert patient.get("/livez").status == 200
    assert patient.output.count("GET /openapi.json") <= since + clients  # those in progress
    assert since - answered < clients * each


@pytest.mark.slow
@pytest.mark.faults(72)
def test_several_attacks_at_the_same_time(patient: ServerProcess, tmp_path: Path) -> None:
    """`make attack` measures how late other clients are answered meanwhile."""
    image = tmp_path / "honest.png"
    image.write_bytes(card(KNOWN))
    with HonestClients(patient.port, image, patient.pid) as honest:
        seen = all_at_once(target_of(patient), TOGETHER_SECONDS)
        lap = honest.lap()
    assert seen.holds, seen.text
    assert lap.holds(), lap
    assert lap.read >= TOGETHER_SECONDS / 4
    assert lap.live >= 20
    assert patient.upload(card("after it all")).text == "after it all"
