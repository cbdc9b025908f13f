"""The form of keys: ids, secrets, checksums."""

from __future__ import annotations

import re
import zlib

import pytest

from server.users.key_format import digest_of, id_of, new_id, new_secret_key

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
KEY = new_secret_key("7Qe2mZ0a")


def test_a_key_has_its_id_a_secret_and_a_checksum() -> None:
    assert re.fullmatch(r"ocr_7Qe2mZ0a_[0-9A-Za-z]{43}[0-9A-Za-z]{6}", KEY)
    assert id_of(KEY) == "7Qe2mZ0a"
    number = 0
    for character in KEY[-6:]:
        number = number * 62 + ALPHABET.index(character)
    assert number == zlib.crc32(KEY[:-6].encode())


def test_no_two_keys_have_the_same_secret_or_id() -> None:
    assert len({new_secret_key("7Qe2mZ0a") for _ in range(100)}) == 100
    assert len({new_id() for _ in range(100)}) == 100


@pytest.mark.parametrize("position", range(len(KEY)))
def test_a_mistyped_character_is_noticed(position: int) -> None:
    other = "x" if KEY[position] != "x" else "y"
    assert id_of(KEY[:position] + other + KEY[position + 1 :]) is None


@pytest.mark.parametrize(
    "text",
    ["", "ocr_", KEY[:-1], KEY + "0", " " + KEY, KEY + "\n", "ключ"],
    ids=["empty", "prefix", "short", "long", "blank", "newline", "word"],  # KEY is random
)
def test_what_has_not_the_form_of_a_key_has_no_id(text: str) -> None:
    assert id_of(text) is None


def test_the_digest_accepts_every_text() -> None:
    assert digest_of("ключ \udcff") != digest_of("ключ")
    assert len(digest_of("")) == 32
