"""Whose job is next."""

from __future__ import annotations

from collections.abc import Mapping


class UserTurns:
    """Users with waiting jobs take turns, by weight: stride scheduling.

    Each turn moves a user forward by 1 / weight; the one furthest behind is next. A user who comes
    later starts level with the one furthest behind, so nobody saves up turns while without jobs.
    """

    def __init__(self) -> None:
        self._passes: dict[str, float] = {}

    def next(self, weights: Mapping[str, float]) -> str:
        """The user whose turn it is. weights: of all users who have waiting jobs."""
        known = [self._passes[user] for user in weights if user in self._passes]
        start = min(known, default=0.0)
        self._passes = {user: max(start, self._passes.get(user, start)) for user in weights}
        user = min(self._passes, key=lambda name: (self._passes[name], name))
        self._passes[user] += 1 / weights[user]
        return user
