"""A config.json of the original OCRWebServer: the keys of PaddleOCR, and models that are gone."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from ocr_cli.main import main
from ocr_engine.errors import ModelError
from server.settings.engine import build_engine, engine_settings
from server.settings.loading import SettingsError, load_settings, strip_comments
from server.settings.paddleocr_keys import OLD_SIDE_LENGTH, WITHOUT_EFFECT
from server.settings.settings import PredictSystemSettings, Settings, all_keys
from tests.support.checkout import ROOT
from tests.support.server_process import run_setup

CONFIGURATION = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")

# The arguments of tools/infer/utility.py, with their defaults, in PaddleOCR 2.0.
PADDLEOCR_2_0: dict[str, Any] = {
    "use_gpu": False, "ir_optim": True, "use_tensorrt": False, "use_fp16": False, "gpu_mem": 500,
    "image_dir": None, "det_algorithm": "DB", "det_model_dir": None, "det_limit_side_len": 960,
    "det_limit_type": "max", "det_db_thresh": 0.3, "det_db_box_thresh": 0.5,
    "det_db_unclip_ratio": 1.6, "max_batch_size": 10, "use_dilation": False,
    "det_east_score_thresh": 0.8, "det_east_cover_thresh": 0.1, "det_east_nms_thresh": 0.2,
    "det_sast_score_thresh": 0.5, "det_sast_nms_thresh": 0.2, "det_sast_polygon": False,
    "rec_algorithm": "CRNN", "rec_model_dir": None, "rec_image_shape": None,
    "rec_char_type": "ch", "rec_batch_num": 6, "max_text_length": 25, "rec_char_dict_path": None,
    "use_space_char": True, "vis_font_path": "./doc/fonts/simfang.ttf", "drop_score": 0.5,
    "use_angle_cls": False, "cls_model_dir": None, "cls_image_shape": None,
    "label_list": ["0", "180"], "cls_batch_num": 6, "cls_thresh": 0.9, "enable_mkldnn": False,
    "use_pdserving": False, "use_mp": False, "total_process_num": 1, "process_id": 0,
}  # fmt: skip
# What the version that the original server contains has besides.
PADDLEOCR_1_1 = {"det_max_side_len": 960, "use_zero_copy_run": False}


def write(folder: Path, predict: dict[str, Any]) -> Path:
    config = folder / "config.json"
    config.write_text(json.dumps({"ocr": {"predict_system": predict}}))
    return config


def load(folder: Path, predict: dict[str, Any], **environment: str) -> Settings:
    return load_settings(write(folder, predict), environment)


def test_every_key_of_paddleocr_is_known(tmp_path: Path) -> None:
    settings = load(tmp_path, PADDLEOCR_2_0)
    assert (settings.ocr.predict_system.det_limit_side_len) == 960
    ours = set(all_keys(PredictSystemSettings))
    assert set(settings.ignored) == PADDLEOCR_2_0.keys() - ours
    build_engine(settings)


def test_no_setting_of_ours_is_ignored() -> None:
    assert not WITHOUT_EFFECT.intersection(all_keys(PredictSystemSettings))


def test_the_older_name_of_the_side_length(tmp_path: Path) -> None:
    settings = load(tmp_path, PADDLEOCR_1_1)
    predict = settings.ocr.predict_system
    assert (predict.det_limit_side_len, predict.det_limit_type) == (960, "max")
    assert settings.ignored == ("use_zero_copy_run",)
    name = "OCR_OCR__PREDICT_SYSTEM__DET_MAX_SIDE_LEN"
    assert load(tmp_path, {}, **{name: "1280"}).ocr.predict_system.det_limit_side_len == 1280
    same = load(tmp_path, {"det_max_side_len": 960, "det_limit_type": "max"})
    assert same.ocr.predict_system == predict


@pytest.mark.parametrize(
    ("predict", "expected"),
    [
        ({OLD_SIDE_LENGTH: 20}, "32 to 4000"),
        ({OLD_SIDE_LENGTH: 960, "det_limit_side_len": 736}, "leave it out, or"),
        ({OLD_SIDE_LENGTH: 960, "det_limit_type": "min"}, "leave it out, or"),
    ],
)
def test_the_older_name_with_a_wrong_value_or_with_the_new_one(
    tmp_path: Path, predict: dict[str, Any], expected: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        load(tmp_path, predict)
    assert str(caught.value).startswith(f"ocr.predict_system.{OLD_SIDE_LENGTH} ")
    assert expected in str(caught.value)


@pytest.mark.parametrize("command", ["check-config", "serve"])
def test_one_line_warns_of_all_keys_without_effect(tmp_path: Path, command: str) -> None:
    config = write(tmp_path, {"gpu_mem": 500, "ir_optim": True, "drop_score": 0.4})
    arguments = ["--check-config"] if command == "check-config" else ["--address", "192.0.2.1"]
    warning, *more = run_setup("--config", str(config), *arguments).stderr.splitlines()
    assert warning == (
        "ocr-server: ocr.predict_system: these keys have no effect here: gpu_mem, ir_optim"
    )
    assert len(more) == (0 if command == "check-config" else 1)  # it cannot listen there


def test_the_settings_in_effect_do_not_have_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = write(tmp_path, {"gpu_mem": 500})
    assert main(["check-config", "--config", str(config), "--print"]) == 0
    output, errors = capsys.readouterr()
    assert "gpu_mem" not in output
    assert "ignored" not in output
    assert errors.count("\n") == 1


def test_all_missing_models_are_told_together(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folders = {f"{role}_model_dir": f"./inference/{role}" for role in ("det", "cls", "rec")}
    more = {"rec_char_dict_path": "./ppocr/keys.txt", "cls_image_shape": "3, 48, 192"}
    config = write(tmp_path, {**folders, **more})
    assert main(["check-config", "--config", str(config)]) == 2
    assert capsys.readouterr().err.splitlines() == [
        "ocr-server: 4 problems:",
        f"  det_model_dir: there is no folder {tmp_path}/inference/det",
        f"  cls_model_dir: there is no folder {tmp_path}/inference/cls",
        f"  rec_model_dir: there is no folder {tmp_path}/inference/rec",
        f"  rec_char_dict_path: there is no file {tmp_path}/ppocr/keys.txt",
        "  to use the models of the installation, leave out det_model_dir, cls_model_dir, "
        "cls_image_shape, rec_model_dir, rec_char_dict_path",
    ]


def test_one_missing_model_is_one_line(tmp_path: Path) -> None:
    settings = load(tmp_path, {"det_model_dir": "none"})
    with pytest.raises(ModelError) as caught:
        engine_settings(settings)
    assert caught.value.message == (
        f"det_model_dir: there is no folder {tmp_path}/none; "
        "to use the models of the installation, leave out det_model_dir"
    )


def test_what_describes_a_model_that_is_not_named(tmp_path: Path) -> None:
    predict = {"rec_image_shape": "3, 32, 320", "rec_char_dict_path": "keys.txt"}
    with pytest.raises(ModelError) as caught:
        engine_settings(load(tmp_path, {**predict, "cls_image_shape": "3, 48, 192"}))
    first, *problems = caught.value.message.splitlines()
    assert first == "2 problems:"
    assert "cls_image_shape = " in problems[0]
    assert "rec_image_shape = " in problems[1]
    assert "rec_char_dict_path = " in problems[1]


# --- docs/configuration.md


def test_every_such_key_is_documented() -> None:
    for key in (OLD_SIDE_LENGTH, *WITHOUT_EFFECT):
        assert f"`{key}`" in CONFIGURATION, key


def test_the_file_of_the_original_server_in_the_docs_is_good(tmp_path: Path) -> None:
    (block,) = re.findall(r"```json\n(.*?)```", CONFIGURATION, re.DOTALL)
    predict = json.loads(strip_comments(block))["ocr"]["predict_system"]
    build_engine(load(tmp_path, predict))
