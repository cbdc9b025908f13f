"""Constraints on settings about addresses, hosts and origins; see constraints.py."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any

from server.settings.constraints import Schema

_PREFIX = re.compile(r"(/[A-Za-z0-9_-][A-Za-z0-9_.-]*)*/?", re.ASCII)  # never a host, as in //host/
_SERVER = re.compile(r"https?://(\[[0-9A-Fa-f:.]+\]|[\w.-]+)(:\d{1,5})?/?", re.ASCII)


@dataclass(frozen=True, slots=True)
class PathPrefix:
    """The first part of a URL's path, such as /ocr; empty or / for none."""

    def __call__(self, value: Any) -> str:
        """See Constraint."""
        if not isinstance(value, str) or len(value) > 256 or not _PREFIX.fullmatch(value):
            raise ValueError("expected a path such as /ocr, of letters, digits, `.`, `_` and `-`")
        return value.rstrip("/")

    def schema(self) -> Schema:
        """See Constraint."""
        return {"type": "string", "maxLength": 256}


@dataclass(frozen=True, slots=True)
class NetworkList:
    """A list of IP addresses or CIDR networks; separated by commas in the environment."""

    def __call__(self, value: Any) -> tuple[IPv4Network | IPv6Network, ...]:
        """See Constraint."""
        value = listed(value)
        expected = 'expected a list of addresses or networks, such as ["127.0.0.1", "10.0.0.0/8"]'
        if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
            raise ValueError(expected)
        try:
            return tuple(ip_network(entry) for entry in value)
        except ValueError as error:
            raise ValueError(f"{expected}; {error}") from None

    def schema(self) -> Schema:
        """See Constraint."""
        return {"type": "array", "items": {"type": "string"}}


@dataclass(frozen=True, slots=True)
class HostList:
    """A list of host names, `*.` for any first label; separated by commas in the environment."""

    def __call__(self, value: Any) -> tuple[str, ...]:
        """See Constraint."""
        value = listed(value)
        if not isinstance(value, list) or not all(map(self._is_one, value)):
            raise ValueError('expected a list of host names, such as ["example.com", "*.lan"]')
        return tuple(entry.lower() for entry in value)

    def schema(self) -> Schema:
        """See Constraint."""
        return {"type": "array", "items": {"type": "string", "minLength": 1}}

    @staticmethod
    def _is_one(entry: Any) -> bool:
        return isinstance(entry, str) and re.fullmatch(r"(\*\.)?[\w.:-]+", entry) is not None


@dataclass(frozen=True, slots=True)
class OriginList:
    """A list of origins of web pages; separated by commas in the environment."""

    def __call__(self, value: Any) -> tuple[str, ...]:
        """See Constraint."""
        value = listed(value)
        if not isinstance(value, list) or not all(map(self._is_one, value)):
            raise ValueError(
                'expected a list of origins, such as ["https://app.example.com"]: scheme, host and '
                "port if it is not the usual one, without a path"
            )
        return tuple(entry.lower() for entry in value)

    def schema(self) -> Schema:
        """See Constraint."""
        return {"type": "array", "items": {"type": "string", "minLength": 1}}

    @staticmethod
    def _is_one(entry: Any) -> bool:
        pattern = r"[A-Za-z][A-Za-z0-9+.-]*://(\[[0-9A-Fa-f:.]+\]|[\w.-]+)(:\d{1,5})?"
        return isinstance(entry, str) and re.fullmatch(pattern, entry, re.ASCII) is not None


@dataclass(frozen=True, slots=True)
class HttpUrl:
    """The URL of a server: http or https, host and port, without a path."""

    def __call__(self, value: Any) -> str:
        """See Constraint."""
        if not isinstance(value, str) or not _SERVER.fullmatch(value):
            raise ValueError("expected a URL such as http://127.0.0.1:8333, without a path")
        return value.rstrip("/")

    def schema(self) -> Schema:
        """See Constraint."""
        return {"type": "string", "pattern": "^https?://"}


def covers(hosts: Sequence[str], host: str) -> bool:
    """Whether the host, in lower case, or a pattern that covers it, is in a HostList."""
    name, _, domain = host.partition(".")
    return host in hosts or bool(name and f"*.{domain}" in hosts)


def listed(value: Any) -> Any:
    """The entries of a text from the environment, separated by commas; other values unchanged."""
    if not isinstance(value, str):
        return value
    return [entry.strip() for entry in value.split(",") if entry.strip()]
