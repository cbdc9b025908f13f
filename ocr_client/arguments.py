"""Argument types for argparse; each checks and converts one string."""

from __future__ import annotations

import re
from argparse import ArgumentTypeError
from urllib.parse import SplitResult, urlsplit

DEFAULT_URL = "http://127.0.0.1:8888"
_TIME = re.compile(r"(\d+(?:\.\d+)?|\.\d+)(ms|s|m|h)?")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def a_count(text: str) -> int:
    """An integer of 1 or more."""
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise ArgumentTypeError(f"{text!r}: expected an integer, 1 or more")
    return int(text)


def a_rate(text: str) -> float:
    """Requests per second, more than 0."""
    try:
        rate = float(text)
    except ValueError:
        rate = 0.0
    if not 0 < rate < 1e6:
        raise ArgumentTypeError(f"{text!r}: expected requests per second, such as 20 or 0.5")
    return rate


def a_time(text: str) -> float:
    """Seconds, or a number with the unit ms, s, m or h; more than 0."""
    found = _TIME.fullmatch(text)
    seconds = float(found[1]) * _UNITS[found[2] or "s"] if found else 0.0
    if not 0 < seconds < 1e6:
        raise ArgumentTypeError(f"{text!r}: expected a time of more than 0, such as 30s or 2m")
    return seconds


def a_url(text: str) -> SplitResult:
    """http://HOST[:PORT][/PREFIX]."""
    url = urlsplit(text)
    try:
        complete = url.scheme == "http" and bool(url.hostname) and url.port != 0
    except ValueError:
        complete = False
    if not complete or url.query or url.fragment or url.username is not None:
        raise ArgumentTypeError(f"{text!r}: expected a URL such as {DEFAULT_URL}")
    return url._replace(path=url.path.rstrip("/"))


def a_field(text: str) -> tuple[str, str]:
    """NAME=VALUE."""
    name, separator, value = text.partition("=")
    if not separator or not name:
        raise ArgumentTypeError(f"{text!r}: expected NAME=VALUE")
    return name, value


def a_header(text: str) -> tuple[str, str]:
    """NAME:VALUE, on one line."""
    name, separator, value = (part.strip() for part in text.partition(":"))
    whole = name + value
    if not separator or not name or not whole.isprintable() or not whole.isascii():
        raise ArgumentTypeError(f"{text!r}: expected NAME:VALUE")
    return name, value
