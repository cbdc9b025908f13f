"""Secrets: values from files, and values that no message, print-out or log shows."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from server.settings.check import effective_settings
from server.settings.constraints import Nullable, Text
from server.settings.loading import SettingsError, build, environment_overrides, load_settings
from server.settings.secrets import SecretText, is_secret
from server.settings.settings import Settings, all_keys

HIDDEN = "correct-horse"
VARIABLE = "OCR_WEB_SERVER__ADDRESS_FILE"


def with_secret() -> Settings:
    settings: Settings = build(Settings, {"access": {"admin_key": HIDDEN}}, "")
    return settings


def secret_file(folder: Path, content: bytes) -> dict[str, str]:
    (folder / "secret").write_bytes(content)
    return {VARIABLE: str(folder / "secret")}


def test_a_secret_can_be_revealed() -> None:
    key = with_secret().access.admin_key
    assert key is not None
    assert key.reveal() == HIDDEN


def test_a_secret_is_masked_wherever_it_is_shown(caplog: pytest.LogCaptureFixture) -> None:
    settings = with_secret()
    key = settings.access.admin_key
    logging.getLogger("server").error("%s %r %s", key, key, settings)
    texts = [str(settings), repr(settings.access), f"{key}", f"{[key]}", caplog.text]
    for text in texts:
        assert "***" in text
        assert HIDDEN not in text


def test_printed_settings_mask_a_secret_and_stay_json() -> None:
    printed = json.dumps(effective_settings(with_secret()))
    assert json.loads(printed)["access"]["admin_key"] == "***"
    assert HIDDEN not in printed


@pytest.mark.parametrize(
    "values",
    [
        {"access": {"admin_key": [HIDDEN]}},
        {"access": {"admin_kye": HIDDEN}},
        {"acess": {"admin_key": HIDDEN}},
        {"admin_key": HIDDEN},
        {"access": HIDDEN},
    ],
    ids=["not a string", "key misspelt", "section misspelt", "section missing", "no section"],
)
def test_no_message_shows_a_secret(values: dict[str, Any]) -> None:
    with pytest.raises(SettingsError) as caught:
        build(Settings, values, "")
    assert next(iter(values)) in str(caught.value)
    assert HIDDEN not in str(caught.value)


def test_a_secret_that_is_empty_is_refused() -> None:
    with pytest.raises(SettingsError) as caught:
        build(Settings, {"access": {"admin_key": ""}}, "")
    assert str(caught.value) == "access.admin_key = ***: expected a non-empty string"


def test_only_constraints_of_secrets_are_secret() -> None:
    assert is_secret(Nullable(SecretText()))
    assert not is_secret(Nullable(Text()))


@pytest.mark.parametrize(
    ("content", "value"),
    [
        (b"::1\n", "::1"),
        (b"::1\r\n", "::1"),
        (b"::1", "::1"),
        (b"::1\n\n", "::1\n"),
        ("\ufeffhôte\n".encode(), "hôte"),
    ],
)
def test_a_variable_may_name_a_file_with_the_value(
    tmp_path: Path, content: bytes, value: str
) -> None:
    environment = secret_file(tmp_path, content)
    assert environment_overrides(environment) == {"web_server.address": value}


def test_the_value_from_a_file_is_converted(tmp_path: Path) -> None:
    (tmp_path / "port").write_text("9000\n", encoding="utf-8")
    variables = {"OCR_WEB_SERVER__PORT_FILE": str(tmp_path / "port")}
    assert load_settings(None, variables).web_server.port == 9000


def test_every_key_can_be_read_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "value").write_text("x", encoding="utf-8")
    keys = all_keys()
    for key in keys:
        name = f"OCR_{key.upper().replace('.', '__')}_FILE"
        assert environment_overrides({name: str(tmp_path / "value")}) == {key: "x"}


def test_no_setting_has_the_name_of_another_with_file_at_its_end() -> None:
    keys = set(all_keys())
    assert not [key for key in keys if f"{key}_file" in keys]


def test_a_variable_and_its_file_are_not_both_accepted(tmp_path: Path) -> None:
    environment = {"OCR_WEB_SERVER__ADDRESS": HIDDEN, **secret_file(tmp_path, b"::1")}
    with pytest.raises(SettingsError) as caught:
        environment_overrides(environment)
    assert str(caught.value) == (
        "OCR_WEB_SERVER__ADDRESS and OCR_WEB_SERVER__ADDRESS_FILE are both set; remove one of them"
    )


@pytest.mark.parametrize(
    ("path", "reason"),
    [(f"/absent/{HIDDEN}", "No such file or directory"), ("/", "Is a directory")],
)
def test_a_file_that_cannot_be_read(path: str, reason: str) -> None:
    with pytest.raises(SettingsError) as caught:
        environment_overrides({VARIABLE: path})
    assert str(caught.value) == f"{VARIABLE}: cannot read this file: {reason}"


def test_a_file_that_is_not_text(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        environment_overrides(secret_file(tmp_path, HIDDEN.encode("utf-16")))
    assert str(caught.value) == f"{VARIABLE}: this file is not UTF-8 text"


def test_a_misspelt_variable_of_a_file_is_an_unknown_key() -> None:
    with pytest.raises(SettingsError, match=r"did you mean web_server\.address"):
        load_settings(None, {"OCR_WEB_SERVER__ADRESS_FILE": "/run/secrets/address"})
