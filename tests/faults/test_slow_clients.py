"""Row 36: clients that send nothing, or single bytes."""

from __future__ import annotations

from concurrent.futures import Future

import pytest

from tests.support.slow_clients import BODY_SECONDS, HEADER_SECONDS, SLACK_SECONDS, Outcome

LIVE_SECONDS = 1.0
PATIENCE_SECONDS = 60.0


@pytest.mark.slow
@pytest.mark.faults(36)
def test_slow_clients_are_closed_and_hold_up_nobody(slow_clients: Future[Outcome]) -> None:
    outcome = slow_clients.result(PATIENCE_SECONDS)
    print(f"the slowest of all /livez took {outcome.slowest * 1000:.1f} ms")
    assert outcome.slowest < LIVE_SECONDS
    for client in outcome.clients:
        limit = HEADER_SECONDS if client.kind in ("idle", "header") else BODY_SECONDS
        assert client.closed_after is not None, client.kind
        assert limit - 1 < client.closed_after < limit + SLACK_SECONDS, client.kind
        assert not client.answer.startswith((b"HTTP/1.1 200", b"HTTP/1.1 5")), client.answer
