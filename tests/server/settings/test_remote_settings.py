"""The settings of models on other servers."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, get_args

import pytest

from ocr_engine.errors import ModelError
from ocr_engine.pool.pool import Pool
from ocr_engine.recognizer import RemoteKind
from ocr_engine.remote.dispatcher import Dispatcher
from ocr_engine.remote.kinds.registry import KINDS
from server.settings.check import effective_settings
from server.settings.engine import build_engine, find_models
from server.settings.loading import SettingsError, build, environment_overrides, load_settings
from server.settings.remote_sets import remote_set
from server.settings.settings import Settings
from tests.support.fake_recognizers import load_echo

SET = {"name": "big", "url": "http://gpu:8000/v1/", "model": "deepseek-ai/DeepSeek-OCR"}


def settings(*sets: dict[str, Any], **more: Any) -> Settings:
    built: Settings = build(Settings, {"remote": {"sets": list(sets), **more}}, "")
    return built


def test_a_set_takes_what_it_does_not_say_from_all_sets() -> None:
    loaded = settings(SET, {**SET, "name": "own", "concurrency": 3, "seconds": 9}, concurrency=40)
    big, own = (remote_set(loaded, each) for each in loaded.remote.sets)
    assert (big.url, big.kind, big.concurrency, big.seconds) == (
        "http://gpu:8000/v1",
        "text",
        40,
        120,
    )
    assert (own.concurrency, own.seconds, own.key) == (3, 9, None)


@pytest.mark.parametrize(
    ("change", "mention"),
    [
        ({"name": "a b"}, "name: expected a name"),
        ({"url": "gpu:8000"}, "url: expected a URL such as"),
        ({"url": "http://user:secret@gpu/v1"}, "url: expected a URL such as"),
        ({"kind": "gpt"}, "kind: expected one of text, paddleocr-vl"),
        ({"model": None}, 'a set has no "model"'),
        ({"keyfile": "x"}, "unknown key keyfile"),
        ({"sampling": {"messages": []}}, "messages is set by this server"),
        ({"sampling": 1}, "expected an object"),
        ({"concurrency": 0}, "concurrency: expected an integer from 1"),
        ({"min_pixels": 2000, "max_pixels": 1000}, "min_pixels is larger"),
        ({"prompt": ""}, "prompt: expected a text"),
    ],
)
def test_sets_that_are_not_accepted(change: dict[str, Any], mention: str) -> None:
    with pytest.raises(SettingsError, match=mention):
        settings({**SET, **change})


def test_two_sets_of_one_name() -> None:
    with pytest.raises(SettingsError, match="big is given twice"):
        settings(SET, SET)


def test_sets_as_json_in_the_environment() -> None:
    overrides = environment_overrides({"OCR_REMOTE__SETS": json.dumps([SET])})
    (found,) = load_settings(None, {}, overrides).remote.sets
    assert found.name == "big"
    with pytest.raises(SettingsError, match="as JSON"):
        load_settings(None, {"OCR_REMOTE__SETS": "big"})


def test_the_key_comes_from_a_file_and_is_not_shown(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("sk-secret\n")
    loaded = settings({**SET, "key_file": str(file)})
    assert remote_set(loaded, loaded.remote.sets[0]).key == "sk-secret"
    assert "sk-secret" not in json.dumps(effective_settings(loaded))


@pytest.mark.parametrize("content", [None, b"", b"two words", b"\xff\xff"])
def test_key_files_that_have_no_key(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "key"
    if content is not None:
        file.write_bytes(content)
    loaded = settings({**SET, "key_file": str(file)})
    with pytest.raises(ModelError, match="big: key_file: ") as refused:
        remote_set(loaded, loaded.remote.sets[0])
    assert "two words" not in refused.value.message


def test_the_engine_has_the_remote_sets_next_to_the_local_ones() -> None:
    engine = build_engine(settings(SET), load_echo)
    assert isinstance(engine, Dispatcher)
    assert engine.models.default.name == "PP-OCRv6_small"
    assert engine.models.find("big").remote_places == 16
    with pytest.raises(ModelError, match="big is on another server"):
        find_models(settings(SET), "big", load_echo)


def test_a_name_of_a_local_set_is_taken() -> None:
    with pytest.raises(ModelError, match="PP-OCRv6_small is a local model set"):
        build_engine(settings({**SET, "name": "PP-OCRv6_small"}), load_echo)


def test_without_sets_there_is_only_the_pool() -> None:
    assert isinstance(build_engine(Settings(), load_echo), Pool)


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [each for each in sys.modules if each.startswith("ocr_engine.remote.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "httpx2", None)
    with pytest.raises(ModelError, match="needs the Python package httpx2: pip install -r"):
        build_engine(settings(SET), load_echo)


def test_every_kind_of_the_settings_is_there() -> None:
    assert set(get_args(RemoteKind)) == set(KINDS)
