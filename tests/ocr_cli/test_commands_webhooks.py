"""`ocr-server webhooks` and `ocr-server alerts`."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from ocr_cli.main import main
from server.database.location import Location
from server.webhooks.deliveries import Outcome, finish
from server.webhooks.signing import new_secret
from tests.support.databases import location, opened, postgresql
from tests.support.receivers import Answer, Receiver
from tests.support.webhooks import Clock, add, rows

__all__ = ["location", "postgresql"]


@pytest.fixture
def config(tmp_path: Path, location: Location) -> Path:
    """Settings with a database that has the newest schema."""
    return written(tmp_path, database={"url": given_url(location)})


def written(folder: Path, **settings: Any) -> Path:
    path = folder / "config.json"
    path.write_text(json.dumps(settings))
    return path


def given_url(location: Location) -> str:
    if location.file is not None:
        return f"sqlite:///{location.file}"
    return location.url.replace("postgresql+psycopg", "postgresql")


def fill(location: Location) -> list[str]:
    """A delivered message and a dead one; their ids."""

    async def run() -> list[str]:
        clock = Clock()
        async for database in opened(location):
            await add(database, clock, "https://a.example/1?token=x", "https://b.example/2")
            found = [row.id for row in await rows(database)]
            await finish(database, found[0], Outcome("delivered", None, 200, None), clock())
            dead = Outcome("dead", None, 500, "the receiver answered 500")
            await finish(database, found[1], dead, clock())
            return found
        raise AssertionError

    return asyncio.run(run())


def states(location: Location) -> list[str]:
    async def run() -> list[str]:
        async for database in opened(location):
            return [row.state for row in await rows(database)]
        raise AssertionError

    return asyncio.run(run())


def test_list_shows_how_messages_stand_but_no_url(
    config: Path, location: Location, capsys: pytest.CaptureFixture[str]
) -> None:
    delivered, dead = fill(location)
    assert main(["webhooks", "list", "--config", str(config)]) == 0
    shown = capsys.readouterr().out
    assert delivered in shown and dead in shown
    assert "b.example, the receiver answered 500" in shown
    assert "token" not in shown
    assert main(["webhooks", "list", "--state", "dead", "--config", str(config)]) == 0
    shown = capsys.readouterr().out
    assert delivered not in shown and dead in shown


def test_resend_begins_again(
    config: Path, location: Location, capsys: pytest.CaptureFixture[str]
) -> None:
    delivered, _ = fill(location)
    assert main(["webhooks", "resend", "--dead", "--config", str(config)]) == 0
    assert states(location) == ["delivered", "pending"]
    assert main(["webhooks", "resend", delivered, "msg_no", "--config", str(config)]) == 1
    assert states(location) == ["pending", "pending"]
    assert "no message msg_no" in capsys.readouterr().err


def test_secret_is_made_once_kept_and_rotated(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def secrets(*arguments: str) -> list[str]:
        assert main(["webhooks", "secret", *arguments, "--config", str(config)]) == 0
        return capsys.readouterr().out.split()

    (first,) = secrets()
    assert first.startswith("whsec_")
    assert secrets() == [first]
    (second,) = secrets("--rotate")
    assert secrets() == [second, first]


def test_secrets_of_the_settings_are_shown_and_not_rotated(
    tmp_path: Path, location: Location, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = new_secret()
    config = written(
        tmp_path, database={"url": given_url(location)}, webhooks={"secrets": [secret]}
    )
    assert main(["webhooks", "secret", "--config", str(config)]) == 0
    assert capsys.readouterr().out.split() == [secret]
    assert main(["webhooks", "secret", "--rotate", "--config", str(config)]) == 2
    assert "webhooks.secrets is set" in capsys.readouterr().err


def test_a_wrong_secret_in_the_settings_is_refused_and_not_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = written(tmp_path, webhooks={"secrets": ["whsec_c2hvcnQ="]})
    assert main(["webhooks", "secret", "--config", str(config)]) == 2
    shown = capsys.readouterr().err
    assert "webhooks.secrets = ***: expected a list of whsec_" in shown
    assert "c2hvcnQ" not in shown


def test_alerts_test_posts_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Receiver() as receiver:
        config = written(tmp_path, alerts={"webhook": receiver.url("/?key=hidden")})
        assert main(["alerts", "test", "--config", str(config)]) == 0
        assert "posted a test in the format json" in capsys.readouterr().out
        receiver.answer = lambda _: Answer(404)
        assert main(["alerts", "test", "--config", str(config)]) == 1
    assert [each.json()["state"] for each in receiver.received] == ["test", "test"]
    shown = capsys.readouterr().err
    assert "not posted: the receiver answered 404" in shown
    assert "hidden" not in shown


def test_alerts_test_without_a_receiver(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["alerts", "test", "--config", str(written(tmp_path))]) == 2
    assert "alerts.webhook is not set" in capsys.readouterr().err
    config = written(tmp_path, alerts={"webhook": "hooks.example/secret"})
    assert main(["alerts", "test", "--config", str(config)]) == 2
    assert "expected a URL of http or https" in capsys.readouterr().err
