"""The verdicts of `make attack`: an attack that does more than expected fails the run."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import attack
import pytest
from attacks.attack import Attack, Seen, Target, code_of, counted
from honest_clients import Lap

SEEN = Lap(live=50, lag=0.2, noise=0.0, read=3)


@pytest.mark.parametrize(
    ("lap", "limit", "holds"),
    [
        (SEEN, None, True),
        (SEEN, 0.2, True),
        (SEEN, 0.1, False),
        (replace(SEEN, noise=0.1), 0.1, True),
        (replace(SEEN, read=0), None, False),
        (replace(SEEN, wrong=1), None, False),
        (replace(SEEN, live_failed=1), None, False),
        (replace(SEEN, refused=5), None, True),
    ],
)
def test_what_honest_clients_may_see(lap: Lap, limit: float | None, holds: bool) -> None:
    assert lap.holds(limit) is holds


class NoClients:
    """Honest clients that always see the same."""

    def __init__(self, *_: object) -> None:
        self.lap = lambda: SEEN

    def __enter__(self) -> NoClients:
        return self

    def __exit__(self, *_: object) -> None:
        pass


class IdleTarget(Target):
    """A target without a server."""

    def wait_until_idle(self) -> None:
        pass

    def memory_mb(self) -> float:
        return 50.0


def raises(_: Target) -> Seen:
    raise ConnectionResetError("reset")


@pytest.mark.parametrize(
    ("run", "lag", "status"),
    [
        (lambda _: Seen("400", True), "0.25", 0),
        (lambda _: Seen("500", False), "0.25", 1),
        (lambda _: Seen("400", True), "0.1", 1),
        (raises, "0.25", 1),
    ],
    ids=["held", "more than expected", "too late", "no answer"],
)
def test_the_exit_status(
    run: Callable[[Target], Seen],
    lag: str,
    status: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    log = tmp_path / "log"
    log.touch()
    target = IdleTarget(1, 1, log, b"")
    monkeypatch.setattr(attack, "ATTACKS", (Attack("0", "an attack", "400", run),))
    monkeypatch.setattr(attack, "HonestClients", NoClients)
    monkeypatch.setattr(attack, "_target", lambda _: nullcontext(target))
    monkeypatch.setattr("sys.argv", ["attack.py", "--lag", lag])
    assert attack.main() == status
    row = capsys.readouterr().out.splitlines()[2]
    assert row.split()[:2] == ["0", "FAILED" if status else "ok"]


def test_answers_in_few_words() -> None:
    assert code_of(b"") == "closed"
    assert code_of(b"HTTP/1.1 204 No Content\r\n\r\n") == "204"
    assert code_of(b'HTTP/1.1 400 Bad\r\n\r\n{"error":{"code":"bad_field"}}') == "400 bad_field"
    assert counted(["200", "400", "200"]) == "2 x 200, 1 x 400"


def test_the_log_without_health_checks_and_without_the_access_log(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text(
        "before\nINFO server.access: GET /livez 200\nINFO server.access: GET / 200\nodd\n"
    )
    target = Target(1, 1, log, b"")
    assert target.log_since(len("before\n")) == "INFO server.access: GET / 200\nodd\n"
    assert target.messages_since(len("before\n")) == "odd\n"
