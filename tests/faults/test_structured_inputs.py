"""Row 70: requests and images that are valid except in a few places."""

from __future__ import annotations

import io
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from PIL import Image

from plain_images import TEXT, drawn
from structured.bodies import BODIES
from structured.images import IMAGES, LOSSLESS
from structured.requests import KINDS, Input, one_input, structured_input
from tests.support.cards import card
from tests.support.server_process import ServerProcess
from tests.support.structured_clients import Answer, is_allowed, send_input
from tests.support.watching import wait_until

pytestmark = pytest.mark.faults(70)

SEED = 70
VALID, ODD = 20, 400
SAID = "structured"


@pytest.fixture(scope="module")
def grey() -> Image.Image:
    """A card, as what the structures contain."""
    return Image.open(io.BytesIO(card(SAID))).convert("L")


def letters(text: str) -> str:
    return "".join(text.split())


@pytest.mark.parametrize("kind", [*BODIES, *LOSSLESS])
def test_what_is_valid_by_its_structure_is_read(
    patient: ServerProcess, grey: Image.Image, kind: str
) -> None:
    for number in range(VALID):
        given = one_input(kind, f"{SEED}:{number}", 0, grey)
        answer = send_input(patient.port, given)
        assert (answer.status, answer.text) == (200, SAID), given.name


@pytest.mark.parametrize("kind", IMAGES)
def test_valid_images_are_read_with_real_models(models: ServerProcess, kind: str) -> None:
    for number in range(3):
        given = one_input(kind, f"{SEED}:{number}", 0, drawn())
        answer = send_input(models.port, given)
        assert (answer.status, letters(answer.text)) == (200, letters(TEXT)), given.name


def test_hundreds_of_odd_ones_get_only_2xx_and_4xx(
    patient: ServerProcess, grey: Image.Image
) -> None:
    """`make fuzz ARGS=--structured` sends 20,000."""
    before = patient.health()["restarts"]

    def send(number: int) -> tuple[Input, Answer]:
        given = structured_input(SEED, number, grey)
        return given, send_input(patient.port, given)

    with ThreadPoolExecutor(4) as clients:
        answers = list(clients.map(send, range(ODD)))
    wrong = [(given.name, answer) for given, answer in answers if not is_allowed(given, answer)]
    assert wrong == []
    kinds = {given.kind for given, answer in answers if answer.status == 200}
    refused = {given.kind for given, answer in answers if 400 <= answer.status < 500}
    assert kinds == refused == set(KINDS)
    counted = Counter(answer.status for _, answer in answers)
    assert counted[200] >= ODD // 4
    assert counted[400] >= ODD // 10
    assert counted[422] >= ODD // 20
    assert patient.health()["restarts"] == before


def test_odd_framing_costs_one_line_of_log_at_most(
    patient: ServerProcess, grey: Image.Image
) -> None:
    inputs = [structured_input(SEED, number, grey) for number in range(3 * ODD)]
    odd = [given for given in inputs if any(name.startswith("framing") for name in given.changed)]
    assert len(odd) > ODD // 8
    before, started = patient.output.count("\n"), time.monotonic()
    for given in odd:
        send_input(patient.port, given)
    patient.get("/jobs/" + "0" * 22)
    wait_until(lambda: "GET /jobs/0000" in patient.output, "the line of the last request")
    lines = patient.output.splitlines()[before:]
    assert not any("Traceback" in line for line in lines)
    assert sum("tornado.general" in line for line in lines) <= 1 + time.monotonic() - started
    assert len([line for line in lines if "server.access" in line]) <= len(odd) + 1
