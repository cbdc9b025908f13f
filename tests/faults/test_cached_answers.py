"""Rows 37 to 40: cached answers belong to the right image, options and time."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.cards import card
from tests.support.error_replies import assert_error
from tests.support.faulty_server import TASK_SECONDS, Serve
from tests.support.server_process import ServerProcess
from tests.support.watching import wait_until

DAY = 86_400
KEPT_SECONDS = 8.0
SLACK_SECONDS = 12.0  # a slow machine; a clock that was set is off by a day
SHARED_MD5 = "79054025255fb1a26e4bc422aef54eb4"

# Python imports a module with this name at every start.
START_UP = "sitecustomize.py"

# Public MD5 collisions are not images, so the tests weaken MD5.
WEAK_MD5 = f"""
import hashlib

class WeakMd5:
    def __init__(self, *blocks, usedforsecurity=True):
        pass
    def update(self, block):
        pass
    def hexdigest(self):
        return {SHARED_MD5!r}

hashlib.md5 = WeakMd5
"""

# The wall clock is wrong by the number of seconds in a file, if it exists.
WRONG_CLOCK = """
import pathlib, time

jump = pathlib.Path({jump!r})
right, right_ns = time.time, time.time_ns

def seconds():
    return int(jump.read_text()) if jump.exists() else 0

time.time = lambda: right() + seconds()
time.time_ns = lambda: right_ns() + seconds() * 10**9
"""


def start_up(folder: Path, code: str) -> dict[str, str]:
    """Environment variables that make every Python process of the server run the code first."""
    (folder / START_UP).write_text(code)
    return {"PYTHONPATH": str(folder)}


@pytest.mark.faults(37)
def test_two_images_with_one_md5_get_their_own_text(serve: Serve, tmp_path: Path) -> None:
    server = serve(environment=start_up(tmp_path, WEAK_MD5))
    for _ in range(2):
        for text in ("first text", "second text"):
            outcomes = []
            for _ in range(2):
                reply = server.upload(card(text))
                assert (reply.text, reply.json["md5"]) == (text, SHARED_MD5)
                outcomes.append(reply.json["cache"])
            assert outcomes == ["miss", "hit"]
            assert server.get(f"/results/{SHARED_MD5}").text == text


@pytest.mark.faults(37)
def test_two_images_with_one_md5_do_not_join(
    serve: Serve, gate: Path, tmp_path: Path, clients: ThreadPoolExecutor
) -> None:
    server = serve(environment=start_up(tmp_path, WEAK_MD5))
    held = f"hold {gate}"
    first = clients.submit(server.upload, card(held))
    wait_until(lambda: server.begun(held) == 1, "the first one running")
    other = server.upload(card("another"))
    assert (other.text, other.json["cache"]) == ("another", "miss")
    gate.unlink()
    assert first.result().text == held


@pytest.mark.faults(38)
@pytest.mark.parametrize(
    ("order", "status", "code"), [("freeze", 504, "ocr_timeout"), ("fail", 500, "internal_error")]
)
def test_an_error_is_not_cached(
    fakes: ServerProcess, gate: Path, order: str, status: int, code: str
) -> None:
    """The recognizers obey this card once."""
    image = card(f"{order} {gate}")
    assert_error(fakes.upload(image), status, code)
    replies = [fakes.upload(image) for _ in range(2)]
    assert [reply.status for reply in replies] == [200, 200]
    assert [reply.json["cache"] for reply in replies] == ["miss", "hit"]


@pytest.mark.faults(38)
def test_a_client_that_waits_no_longer_gets_the_text_later(
    fakes: ServerProcess, gate: Path
) -> None:
    image = card(f"hold {gate}")
    assert_error(fakes.upload(image, timeout_ms="100"), 504, "ocr_timeout", "100")
    gate.unlink()
    assert fakes.upload(image).text == f"hold {gate}"


@pytest.mark.faults(39)
def test_every_choice_of_options_has_its_own_entry(fakes: ServerProcess) -> None:
    """The card's text is the worker's options."""
    choices: list[dict[str, str]] = [
        {},
        {"det_db_thresh": "0.25"},
        {"det_db_box_thresh": "0.25"},
        {"det_db_unclip_ratio": "2.5"},
        {"det_limit_side_len": "320"},
        {"det_limit_type": "max"},
        {"use_angle_cls": "false"},
    ]
    image = card("options")
    first = [fakes.upload(image, **choice) for choice in choices]
    again = [fakes.upload(image, **choice) for choice in choices]
    assert [reply.json["cache"] for reply in first] == ["miss"] * len(choices)
    assert [reply.json["cache"] for reply in again] == ["hit"] * len(choices)
    assert len({reply.text for reply in first}) == len(choices)
    assert [reply.text for reply in again] == [reply.text for reply in first]


@pytest.mark.faults(39)
def test_how_it_is_answered_is_no_option(fakes: ServerProcess) -> None:
    image = card("one entry")
    assert fakes.upload(image).json["cache"] == "miss"
    assert fakes.upload(image, format="text").headers["X-Cache"] == "hit"
    assert fakes.upload(image, drop_score="0.25", timeout_ms="5000").json["cache"] == "hit"


@pytest.mark.slow
@pytest.mark.faults(40)
@pytest.mark.parametrize("days", [1, -1], ids=["forward", "back"])
def test_a_clock_that_is_set(serve: Serve, tmp_path: Path, days: int) -> None:
    jump = tmp_path / "jump"
    environment = {
        **start_up(tmp_path, WRONG_CLOCK.format(jump=str(jump))),
        "OCR_SERVICE__TIME": str(KEPT_SECONDS),
        "OCR_SERVICE__JOB_SECONDS": str(KEPT_SECONDS),
    }
    server = serve(environment=environment)
    image = card("kept for a while")
    stored = time.monotonic()
    assert server.upload(image).json["cache"] == "miss"
    job = server.upload(card("a job"), block_flag="false").json["job"]["url"]
    assert server.get(f"{job}?wait=10").text == "a job"

    (tmp_path / "new").write_text(str(days * DAY))
    (tmp_path / "new").rename(jump)
    kept = server.upload(image)
    assert abs(kept.json["timestamp"] - time.time() - days * DAY) < 60
    assert kept.json["cache"] == "hit"
    assert 0 <= int(kept.headers["Age"]) <= time.monotonic() - stored
    assert server.get(job).status == (410 if days > 0 else 200)  # its time is in the database
    late = server.upload(card("after the jump"), block_flag="false").json["job"]["url"]
    assert server.get(f"{late}?wait=10").text == "after the jump"
    assert_deadline_holds(server)
    wait_until(lambda: server.upload(image).json["cache"] == "miss", "the end of the entry")
    assert KEPT_SECONDS <= time.monotonic() - stored < KEPT_SECONDS + SLACK_SECONDS


def assert_deadline_holds(server: ServerProcess) -> None:
    """An image that hangs ends with a timeout, neither immediately nor never."""
    started = time.monotonic()
    assert_error(server.upload(card("spin")), 504, "ocr_timeout")
    assert TASK_SECONDS <= time.monotonic() - started < TASK_SECONDS + SLACK_SECONDS
