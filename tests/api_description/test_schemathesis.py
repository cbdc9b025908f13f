"""The running server does what its description says, as schemathesis sees it."""

from __future__ import annotations

from pathlib import Path

from tests.api_description.program import run_schemathesis
from tests.support.cards import card
from tests.support.live_server import LiveServer

BOUNDED = ("--max-examples", "12", "--seed", "20261121", "--generation-deterministic")


def test_schemathesis_finds_nothing(wide: LiveServer, tmp_path: Path) -> None:
    (wide.images / "sign.jpg").write_bytes(card("by name"))
    found = run_schemathesis(wide, tmp_path, *BOUNDED)
    assert found.returncode == 0, found.stdout[-20_000:] + found.stderr[-2000:]
    for phase in ("Examples", "Coverage", "Fuzzing", "Stateful"):
        assert phase in found.stdout
