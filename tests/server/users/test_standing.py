"""The headers RateLimit-Policy and RateLimit."""

from __future__ import annotations

import pytest

from server.users.standing import Standing, rate_limit_headers
from tests.support.structured_fields import string_items


def test_every_limit_is_a_policy_and_a_standing() -> None:
    headers = rate_limit_headers(
        [
            Standing("rate", 60, 12, 60, 3),
            Standing("concurrency", 4, 1),
            Standing("day", 500, 0, 86_400, 3600),
        ]
    )
    assert string_items(headers["RateLimit-Policy"]) == {
        "rate": {"q": 60, "w": 60},
        "concurrency": {"q": 4, "qu": "concurrent-requests"},
        "day": {"q": 500, "w": 86_400},
    }
    assert string_items(headers["RateLimit"]) == {
        "rate": {"r": 12, "t": 3},
        "concurrency": {"r": 1},
        "day": {"r": 0, "t": 3600},
    }


def test_without_limits_there_are_no_headers() -> None:
    assert rate_limit_headers([]) == {}


@pytest.mark.parametrize(
    "header", ["", "rate;q=1", '"a";q=1,', '"a";q=1 "b";q=2', '"a";q=1.5x', '"a"; q']
)
def test_the_check_of_the_headers_refuses_what_is_no_list_of_strings(header: str) -> None:
    with pytest.raises(ValueError, match="at"):
        string_items(header)
