"""The table in server/http/errors.py has every error, and every code is in the contract."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ocr_engine import errors as engine
from ocr_engine.errors import EngineError
from server import errors
from server.errors import ServiceError
from server.http.errors import RETRY_AFTER, STATUS, public_error

# The codes in docs/api.md, by status.
CONTRACT = {
    400: {"missing_file", "one_file_only", "bad_field", "bad_pages", "bad_request"},
    401: {"key_required", "key_invalid"},
    403: {"not_allowed", "cross_site"},
    404: {"not_found"},
    413: {"body_too_large", "too_many_pixels", "too_many_pages", "too_many_pages_to_wait"},
    415: {"unsupported_format"},
    421: {"host_not_allowed"},
    409: {"not_finished", "still_accepting"},
    422: {
        "invalid_image",
        "image_too_complex",
        "pdf_encrypted",
        "pdf_broken",
        "page_failed",
        "page_timeout",
        "poison_input",
        "idempotency_mismatch",
        "pdf_signed",
        "pdfa_impossible",
    },
    429: {"rate_limited", "quota_exceeded"},
    500: {"internal_error"},
    503: {
        "queue_full",
        "draining",
        "starting",
        "broker_unavailable",
        "worker_crashed",
        "storage_unavailable",
    },
    504: {"queue_timeout", "ocr_timeout"},
}
# Codes that only follow HTTP conventions, and an error that prevents the start.
NOT_IN_CONTRACT = {
    405: {"method_not_allowed"},
    409: {"conflict"},
    410: {"gone"},
    500: {"model_error"},
    502: {"backend_failed"},
    503: {"backend_unavailable"},
}
GROUPS: tuple[type[Exception], ...] = (
    EngineError,
    engine.DocumentError,
    engine.ImageError,
    engine.PoolError,
    ServiceError,
)
"""Classes that only hold others together."""


def tree(root: type[Exception]) -> Iterator[type[Exception]]:
    """The class and everything below it."""
    yield root
    for below in root.__subclasses__():
        if below.__module__.startswith(("server.", "ocr_engine.")):
            yield from tree(below)


ERRORS = [*tree(ServiceError), *tree(EngineError)]


@pytest.mark.parametrize("error", [e for e in ERRORS if e not in GROUPS], ids=lambda e: e.__name__)
def test_every_error_has_a_status_and_a_known_code(error: type[Exception]) -> None:
    problem = public_error(error("what the client is told"))
    known = CONTRACT.get(problem.status, set()) | NOT_IN_CONTRACT.get(problem.status, set())
    assert error in STATUS
    assert problem.status == STATUS[error]
    assert problem.code in known
    assert problem.message == "what the client is told"


@pytest.mark.parametrize("group", GROUPS)
def test_a_group_is_not_raised_as_it_is(group: type[Exception]) -> None:
    """If it ever is, that is a bug: the client gets internal_error."""
    problem = public_error(group("/etc/secret"))
    assert (problem.status, problem.code) == (500, "internal_error")
    assert "secret" not in problem.message


def test_the_table_names_nothing_else() -> None:
    assert set(STATUS) == set(ERRORS) - set(GROUPS)
    assert set(RETRY_AFTER) <= set(STATUS)


def test_every_code_of_the_contract_can_be_given() -> None:
    given: dict[int, set[str]] = {}
    for error, status in STATUS.items():
        given.setdefault(status, set()).add(error.code)
    for status, codes in CONTRACT.items():
        assert codes <= given[status]


def test_every_503_says_when_to_come_back() -> None:
    unavailable = {error for error, status in STATUS.items() if status == 503}
    assert unavailable == {e for e in RETRY_AFTER if STATUS[e] == 503}
    assert all(seconds >= 1 for seconds in RETRY_AFTER.values())


@pytest.mark.parametrize("error", [RuntimeError("/etc/secret"), KeyError("x"), MemoryError()])
def test_what_is_unforeseen_gives_nothing_away(error: Exception) -> None:
    problem = public_error(error)
    assert (problem.status, problem.code, problem.retry_after) == (500, "internal_error", None)
    assert "secret" not in problem.message


def test_the_tree_in_the_docstring_is_the_tree() -> None:
    assert errors.__doc__ is not None
    assert engine.__doc__ is not None
    for error in tree(ServiceError):
        assert error.__name__ in errors.__doc__
    for error in tree(EngineError):
        assert error.__name__ in engine.__doc__
