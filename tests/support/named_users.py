"""Requests in the name of a user, without keys: the header X-User, for servers in this process."""

from __future__ import annotations

from typing import Any

import pytest

from server.http.request_scope import RequestScope
from server.principal import Principal


def name_users(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let requests name their user in the header X-User: `NAME [WEIGHT]`."""
    enter = RequestScope.enter

    def enter_named(*arguments: Any, **named: Any) -> RequestScope:
        scope = enter(*arguments, **named)
        user, _, weight = arguments[1].headers.get("X-User", "").partition(" ")
        if user:
            scope.principal = Principal(user, weight=float(weight or 1))
        return scope

    monkeypatch.setattr(RequestScope, "enter", enter_named)


def of(user: str) -> dict[str, str]:
    """The header of a request of this user."""
    return {"X-User": user}
