"""The arguments of `ocr-server keys`."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

from ocr_cli.config_argument import add_config_argument
from server.users.key_fields import KEY_FIELDS, SCOPES
from server.users.key_format import ID_FORM

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_DURATION = re.compile(r"(\d{1,9})([smhd])")
# The option for each field that `add` and `limit` set, with its help; the value `none` is None.
_FIELD_OPTIONS = {
    "scopes": ("--scopes", f"separated by commas: {', '.join(SCOPES)}"),
    "weight": ("--weight", "share of the workers, relative to other keys; 1 is normal"),
    "priority": ("--priority", "among the requests of this key; higher is first"),
    "rate_per_minute": ("--rate", "requests a minute, or `none`: as in the settings"),
    "concurrency": ("--concurrency", "requests at the same time, or `none`"),
    "max_body_mb": ("--max-body-mb", "size of a request in MiB, or `none`"),
    "daily_quota": ("--quota", "images a day (0: no limit), or `none`"),
}


def parse_arguments(arguments: Sequence[str] | None, prog: str) -> argparse.Namespace:
    """The action and its arguments; exits with a message if they are wrong."""
    parser = argparse.ArgumentParser(
        prog=prog, description="The keys of users. A key is shown once, when it is made."
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="action")
    add = _action(actions, "add", "make a key")
    add.add_argument("label", type=_field("label"), help="for whom or what, for people")
    _add_fields(add)
    _action(actions, "list", "list all keys")
    for name, summary in (
        ("show", "show a key"),
        ("limit", "change the limits, scopes or expiry of a key"),
        ("rotate", "make a new secret; the present one stays valid for a while"),
        ("revoke", "end a key for good, on all servers within a second"),
        ("purge", "delete a key and all its data: jobs, results, usage"),
    ):
        action = _action(actions, name, summary)
        action.add_argument("id", type=_key_id, help="the 8 characters after `ocr_`")
        if name == "limit":
            action.add_argument("--label", type=_field("label"), default=argparse.SUPPRESS)
            _add_fields(action)
        elif name == "rotate":
            action.add_argument(
                "--keep",
                type=_duration,
                default=_duration("24h"),
                metavar="TIME",
                help="how long the present secret is accepted: 30m, 24h, 7d or 0s (default 24h)",
            )
        elif name == "purge":
            action.add_argument("--yes", action="store_true", help="do not ask")
    usage = _action(actions, "usage", "what keys have used, by day")
    usage.add_argument("id", nargs="?", type=_key_id, help="of one key (default: all)")
    usage.add_argument("--from", dest="first", type=_day, metavar="YYYY-MM-DD")
    usage.add_argument("--to", dest="last", type=_day, metavar="YYYY-MM-DD")
    return parser.parse_args(arguments)


def given_fields(options: argparse.Namespace) -> dict[str, Any]:
    """The fields of a key that were given."""
    return {name: value for name, value in vars(options).items() if name in KEY_FIELDS}


def _action(actions: Any, name: str, summary: str) -> argparse.ArgumentParser:
    action: argparse.ArgumentParser = actions.add_parser(name, help=summary, description=summary)
    action.add_argument("--json", action="store_true", help="print JSON")
    add_config_argument(action)
    return action


def _add_fields(parser: argparse.ArgumentParser) -> None:
    for name, (option, text) in _FIELD_OPTIONS.items():
        parser.add_argument(
            option,
            dest=name,
            type=_field(name),
            default=argparse.SUPPRESS,
            help=text,
            metavar="VALUE",
        )
    parser.add_argument(
        "--expires",
        dest="expires_at",
        type=_expiry,
        default=argparse.SUPPRESS,
        metavar="TIME",
        help="a date as 2027-01-31 (at its end, UTC), a time from now as 90d or 12h, or `never`",
    )


def _field(name: str) -> Any:
    def convert(text: str) -> Any:
        try:
            return KEY_FIELDS[name](None if text == "none" and name != "label" else text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(f"{text}: {error}") from None

    return convert


def _key_id(text: str) -> str:
    if not ID_FORM.fullmatch(text):
        raise argparse.ArgumentTypeError(
            f"{text}: expected the 8 characters after `ocr_` of a key; `keys list` shows them"
        )
    return text


def _duration(text: str) -> int:
    found = _DURATION.fullmatch(text)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text}: expected a time such as 30m, 24h or 7d")
    return int(found[1]) * _UNITS[found[2]]


def _expiry(text: str) -> float | None:
    """Unix time; None: never."""
    if text == "never":
        return None
    now = datetime.now(UTC).timestamp()
    if _DURATION.fullmatch(text):
        return _checked_expiry(now + _duration(text))
    end = datetime.fromisoformat(f"{_day(text)}T00:00:00+00:00").timestamp() + _UNITS["d"]
    if end <= now:
        raise argparse.ArgumentTypeError(f"{text}: this day is over")
    return _checked_expiry(end)


def _checked_expiry(time: float) -> float:
    try:
        return float(KEY_FIELDS["expires_at"](time))
    except ValueError:
        raise argparse.ArgumentTypeError("expected a time before the year 2100") from None


def _day(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text}: expected a date such as 2027-01-31") from None
