"""ocr.profile sets other settings, unless they are given."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from server.settings.engine import default_options, engine_settings
from server.settings.loading import SettingsError, load_settings
from server.settings.profiles import DEFAULT, PROFILES, adopt
from server.settings.settings import OcrSettings, Settings, all_keys


def load(folder: Path, ocr: dict[str, Any], **environment: str) -> Settings:
    config = folder / "config.json"
    config.write_text(json.dumps({"ocr": ocr}))
    return load_settings(config, environment)


def settings_of(profile: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """The settings of a profile by dotted key."""
    found: dict[str, Any] = {}
    for key, value in profile.items():
        inner = settings_of(value, f"{prefix}{key}.") if isinstance(value, dict) else None
        found.update({f"{prefix}{key}": value} if inner is None else inner)
    return found


def value_of(settings: Settings, key: str) -> Any:
    value: Any = settings.ocr
    for name in key.split("."):
        value = getattr(value, name)
    return value


@pytest.mark.parametrize("name", PROFILES)
def test_a_profile_sets_its_settings_and_no_others(tmp_path: Path, name: str) -> None:
    settings = load(tmp_path, {"profile": name})
    defaults = load(tmp_path, {})
    chosen = settings_of(PROFILES[name])
    for key in all_keys(OcrSettings):
        expected = chosen.get(key, name if key == "profile" else value_of(defaults, key))
        assert value_of(settings, key) == expected, key


def test_balanced_is_the_default_and_sets_nothing() -> None:
    assert DEFAULT == "balanced"
    assert PROFILES[DEFAULT] == {}


@pytest.mark.parametrize("name", [name for name in PROFILES if name != DEFAULT])
def test_each_profile_is_another_reader(tmp_path: Path, name: str) -> None:
    """So a result that one profile has read is never returned by another."""

    def fingerprint(ocr: dict[str, Any]) -> tuple[str, str]:
        settings = load(tmp_path, ocr)
        return engine_settings(settings).fingerprint(), default_options(settings).fingerprint()

    assert fingerprint({"profile": name}) != fingerprint({})
    assert fingerprint({"profile": name}) == fingerprint(PROFILES[name])


def test_given_settings_win_wherever_they_are_given(tmp_path: Path) -> None:
    settings = load(tmp_path, {"profile": "accurate", "precision": "auto"})
    assert settings.ocr.precision == "auto"
    assert settings.ocr.predict_system.det_limit_type == "min"
    settings = load(
        tmp_path,
        {"predict_system": {"det_limit_type": "auto"}},
        OCR_OCR__PROFILE="accurate",
        OCR_OCR__PRECISION="auto",
    )
    assert settings.ocr.precision == "auto"
    assert settings.ocr.predict_system.det_limit_type == "auto"


def test_a_given_limit_of_detection_is_not_mixed_with_that_of_the_profile(tmp_path: Path) -> None:
    """960 pixels of `fast` are meant for `max`; as a limit of `min` they would enlarge images."""
    predict = load(
        tmp_path, {"profile": "fast", "predict_system": {"det_limit_type": "min"}}
    ).ocr.predict_system
    assert (predict.det_limit_type, predict.det_limit_side_len) == ("min", 64)
    predict = load(
        tmp_path, {"profile": "fast", "predict_system": {"det_max_side_len": 1600}}
    ).ocr.predict_system
    assert (predict.det_limit_type, predict.det_limit_side_len) == ("max", 1600)


def test_an_unknown_profile_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r'ocr.profile = "best": expected one of accurate,'):
        load(tmp_path, {"profile": "best"})


@pytest.mark.parametrize(
    "config",
    [
        {"ocr": []},
        {"ocr": {"profile": ["accurate"]}},
        {"ocr": {"profile": "accurate", "predict_system": 5}},
    ],
)
def test_mistakes_are_left_to_the_checks_of_settings(config: dict[str, Any]) -> None:
    adopt(config)
    assert config["ocr"] in ([], {"profile": ["accurate"]}) or config["ocr"]["predict_system"] == 5
