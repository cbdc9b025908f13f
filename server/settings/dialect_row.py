"""What is known of a dialect without its code: its name, its paths, and how to try it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

PREFIX = "/dialects"
_VARIABLE = re.compile(r"\{\w+\}")


@dataclass(frozen=True, slots=True)
class Route:
    """A path of another server.

    path: with `{name}` for what differs between requests. target: the name of what answers it, in
    the dialect's module. place: `own`: its path, and that below /dialects/NAME; `shared`: the same,
    but other APIs have the path, too; `prefixed`: only below /dialects/NAME.
    """

    methods: str
    path: str
    target: str
    place: Literal["own", "shared", "prefixed"] = "own"

    @property
    def pattern(self) -> str:
        """The path as a regular expression, with a group for each variable."""
        return "([^/]{1,200})".join(map(re.escape, _VARIABLE.split(self.path)))


@dataclass(frozen=True, slots=True)
class DialectRow:
    """The API of another server.

    module: in server/http/dialects/. key: where its clients have their key. curl: a command that
    sends an image; SERVER is a base URL, IMAGE a file. marks: fields that only its requests to a
    shared path have. image_parts: form parts that are its image there.
    """

    name: str
    server: str
    module: str
    routes: tuple[Route, ...]
    key: str
    curl: str
    marks: tuple[str, ...] = ()
    image_parts: tuple[str, ...] = ()

    @property
    def prefix(self) -> str:
        """The start of its paths that no other API has."""
        return f"{PREFIX}/{self.name}"

    def has(self, path: str) -> bool:
        """Whether one of its routes has this path, for any method."""
        own = path.removeprefix(self.prefix)
        return any(
            re.fullmatch(route.pattern, own) is not None
            for route in self.routes
            if route.place != "prefixed" or own != path
        )

    @property
    def addresses(self) -> list[str]:
        """Methods and path of each route, for people."""
        return [
            f"{route.methods} {self.prefix if route.place == 'prefixed' else ''}{route.path}"
            for route in self.routes
        ]
