"""Requests in the name of a user, without keys: the header X-User, for servers in this process."""

from __future__ import annotations

from collections.abc import Awaitable

import pytest

from server.http import gate
from server.http.context import ServerContext
from server.http.request_scope import RequestScope
from server.principal import Principal, Scope


def name_users(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let requests without a key name their user in the header X-User: `NAME [WEIGHT]`."""
    enter = gate._enter

    def enter_named(
        context: ServerContext,
        scope: RequestScope,
        principal: Principal,
        needed: Scope,
        limited: bool,
    ) -> Awaitable[None] | None:
        user, _, weight = scope._request.headers.get("X-User", "").partition(" ")
        if user:
            principal = Principal(user, weight=float(weight or 1))
        return enter(context, scope, principal, needed, limited)

    monkeypatch.setattr(gate, "_enter", enter_named)


def of(user: str) -> dict[str, str]:
    """The header of a request of this user."""
    return {"X-User": user}
