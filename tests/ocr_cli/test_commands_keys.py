"""`ocr-server keys`, on SQLite and on PostgreSQL."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ocr_cli.main import main
from server.database.location import Location
from server.users.key_format import id_of
from tests.support.databases import location, postgresql

__all__ = ["location", "postgresql"]

Keys = Callable[..., str]


@pytest.fixture
def keys(
    location: Location, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Keys:
    """Runs `ocr-server keys …`; what it prints."""
    monkeypatch.setenv(
        "OCR_DATABASE__URL", location.url.replace("postgresql+psycopg", "postgresql")
    )

    def run(*arguments: str, status: int = 0) -> str:
        assert main(["keys", *arguments]) == status
        shown = capsys.readouterr()
        return shown.out if status == 0 else shown.err

    return run


def as_json(text: str) -> Any:
    return json.loads(text)


def test_a_key_from_beginning_to_end(keys: Keys) -> None:
    secret = keys("add", "Ann, mobile", "--quota", "500", "--scopes", "read,jobs").strip()
    key_id = id_of(secret)
    assert key_id is not None
    assert keys("list").splitlines()[1].split()[:2] == [key_id, "Ann,"]

    changed = as_json(keys("limit", key_id, "--rate", "60", "--quota", "none", "--json"))["key"]
    assert (changed["rate_per_minute"], changed["daily_quota"]) == (60, None)
    assert changed["scopes"] == ["read", "jobs"]

    rotated = as_json(keys("rotate", key_id, "--keep", "1h", "--json"))
    assert id_of(rotated["secret"]) == key_id
    new, old = rotated["key"]["secrets"]
    assert new["expires_at"] is None
    assert old["expires_at"] == pytest.approx(new["created_at"] + 3600)

    shown = keys("show", key_id)
    assert "Ann, mobile" in shown
    assert secret not in shown
    assert keys("revoke", key_id) == f"revoked {key_id} (Ann, mobile)\n"
    assert "nothing was deleted" in keys("purge", key_id, status=2)
    assert "deleted" in keys("purge", key_id, "--yes")
    assert as_json(keys("list", "--json")) == {"keys": []}


def test_the_list_has_the_quota_and_the_weight_of_each_key(keys: Keys) -> None:
    for quota in ("500", "0", "none"):
        keys("add", f"quota-{quota}", "--quota", quota)
    keys("add", "heavy", "--weight", "2.5")
    heads, *rows = [line.split() for line in keys("list").splitlines()]
    shown = {
        row[heads.index("label")]: (row[heads.index("quota")], row[heads.index("weight")])
        for row in rows
    }
    assert shown == {
        "quota-500": ("500", "1"),
        "quota-0": ("0", "1"),
        "quota-none": ("-", "1"),
        "heavy": ("-", "2.5"),
    }


def test_what_changes_keys_is_audited(
    keys: Keys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OCR_AUDIT__PATH", str(tmp_path / "audit.jsonl"))
    secret = keys("add", "Ann, mobile").strip()
    key_id = id_of(secret)
    assert key_id is not None
    keys("list")
    keys("show", key_id)
    keys("limit", key_id, "--rate", "60")
    keys("rotate", key_id)
    keys("revoke", key_id)
    keys("purge", key_id, status=2)
    keys("purge", key_id, "--yes")
    text = (tmp_path / "audit.jsonl").read_text()
    lines = [json.loads(line) for line in text.splitlines()]
    assert [line["action"] for line in lines] == [
        "key_added",
        "key_changed",
        "key_rotated",
        "key_revoked",
        "key_purged",
    ]
    assert {(line["user"], line["target"], line["outcome"]) for line in lines} == {
        ("cli", key_id, "ok")
    }
    assert secret not in text
    assert "Ann" not in text


def test_an_audit_log_on_a_stream_does_not_mix_with_what_a_command_prints(
    keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OCR_AUDIT__PATH", "-")
    assert id_of(keys("add", "Ann").strip()) is not None


@pytest.mark.parametrize("action", ["show", "revoke", "rotate", "purge"])
def test_an_unknown_id_is_an_error(keys: Keys, action: str) -> None:
    keys("add", "Ann")
    assert "no key has this id" in keys(action, "00000000", status=1)


def test_expiry_as_a_date_or_a_time(keys: Keys) -> None:
    key = as_json(keys("add", "until a day", "--expires", "2099-01-31", "--json"))["key"]
    assert key["expires_at"] == 4_073_587_200  # the end of that day, UTC
    key = as_json(keys("add", "for 90 days", "--expires", "90d", "--json"))["key"]
    assert key["expires_at"] == pytest.approx(key["created_at"] + 90 * 86_400, abs=60)
    assert (
        as_json(keys("limit", key["id"], "--expires", "never", "--json"))["key"]["expires_at"]
        is None
    )


@pytest.mark.parametrize(
    ("arguments", "mentions"),
    [
        (["add", "x", "--rate", "0"], "from 1 to"),
        (["add", "x", "--scopes", "write"], "read, jobs, filename, metrics, admin"),
        (["add", ""], "1 to 200 characters"),
        (["add", "x", "--expires", "soon"], "2027-01-31"),
        (["add", "x", "--expires", "2020-01-31"], "this day is over"),
        (["show", "ocr_00000000"], "8 characters"),
        (["rotate", "00000000", "--keep", "1 week"], "24h"),
        (["usage", "--from", "today"], "2027-01-31"),
    ],
)
def test_a_wrong_argument_is_explained(
    capsys: pytest.CaptureFixture[str], arguments: list[str], mentions: str
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["keys", *arguments])
    assert caught.value.code == 2
    assert mentions in capsys.readouterr().err


def test_limit_without_a_limit_says_so(keys: Keys) -> None:
    key_id = id_of(keys("add", "x").strip())
    assert "nothing to change" in keys("limit", str(key_id), status=2)


def test_usage_without_rows_is_an_empty_table(keys: Keys) -> None:
    keys("add", "Ann")
    assert keys("usage").split() == [
        *("day", "user", "label", "images", "pages", "cached", "seconds", "bytes", "errors")
    ]


def test_where_no_database_is_only_add_makes_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))
    for arguments in (["list"], ["usage"], ["show", "00000000"], ["revoke", "00000000"]):
        assert main(["keys", *arguments]) == 2
        error = capsys.readouterr().err
        assert error.startswith(f"ocr-server keys: there is no database at {tmp_path}")
        assert "STATE_DIRECTORY" in error
    assert list(tmp_path.iterdir()) == []
    assert main(["keys", "add", "Ann"]) == 0
    assert f"Its hash is in {tmp_path / 'ocr.sqlite3'}." in capsys.readouterr().err
    assert main(["keys", "list"]) == 0


def test_a_folder_that_cannot_be_made_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "file" / "state"))
    assert main(["keys", "add", "Ann"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("ocr-server keys: cannot create the state folder")
