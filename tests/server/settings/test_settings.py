"""The settings: file, environment, arguments, and error messages."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from server.settings.loading import (
    SettingsError,
    environment_overrides,
    load_settings,
    strip_comments,
)
from server.settings.settings import Settings, all_keys

ROOT = Path(__file__).resolve().parents[3]

OF_2021 = """
{
  // the web server
  "web_server": {"port": 8888},
  "ocr": {
    "process": {
      "number": 4,           // processes
      "max_task_number": 10  // images of each
    },
    "predict_system": {      // see https://github.com/PaddlePaddle/PaddleOCR
      "enable_mkldnn": true,
      "use_gpu": false,
      "det_algorithm": "DB",
      "det_model_dir": "./inference//det//",
      "rec_model_dir": "file://host/inference/rec",
      "cls_model_dir": "C:\\\\models\\\\cls // old",
      "det_limit_side_len": 960,
      "det_limit_type": "max",
      "det_db_thresh": 0.3,
      "det_db_box_thresh": 0.5,
      "det_db_unclip_ratio": 1.6,
      "use_angle_cls": true,
      "cls_thresh": 0.9,
      "cls_image_shape": "3, 48, 192",
      "cls_batch_num": 6,
      "rec_image_shape": "3, 32, 320",
      "rec_batch_num": 6,
      "rec_char_dict_path": "./ppocr/utils/ppocr_keys_v1.txt",
      "drop_score": 0.5,
      "cpu_threads": 10
    }
  },
  "service": {
    "time": 6000, // seconds
    "img_number": 1000
  }
  // the end
}
"""

DEFAULTS = {
    "web_server.address": "127.0.0.1",
    "web_server.port": 8888,
    "web_server.max_body_mb": 10,
    "web_server.filename_roots": (Path("./imgs"),),
    "web_server.trusted_proxies": (),
    "ocr.engine": "openvino",
    "ocr.precision": "auto",
    "ocr.process.number": 0,
    "ocr.process.max_task_number": 1000,
    "ocr.process.queue_size": 100,
    "ocr.process.timeout_seconds": 30,
    "ocr.process.queue_timeout_seconds": 60,
    "ocr.process.max_rss_mb": 1500,
    "ocr.max_pixels": 40_000_000,
    "service.time": 6000,
    "service.img_number": 1000,
    "service.max_cache_mb": 64,
    "service.max_recent_mb": 32,
}


def load(
    folder: Path, text: str | dict[str, Any], overrides: dict[str, str] | None = None, **env: str
) -> Settings:
    path = folder / "config.json"
    path.write_text(text if isinstance(text, str) else json.dumps(text), encoding="utf-8")
    return load_settings(path, env, overrides)


def value_of(settings: Settings, key: str) -> Any:
    value: Any = settings
    for name in key.split("."):
        value = getattr(value, name)
    return value


def nested(key: str, value: Any) -> dict[str, Any]:
    """{"a": {"b": value}} for the key a.b."""
    for name in reversed(key.split(".")):
        value = {name: value}
    return dict(value)


def test_the_configuration_of_2021_keeps_its_meaning(tmp_path: Path) -> None:
    settings = load(tmp_path, OF_2021)
    predict = settings.ocr.predict_system
    assert settings.web_server.port == 8888
    assert (settings.ocr.process.number, settings.ocr.process.max_task_number) == (4, 10)
    assert (settings.service.time, settings.service.img_number) == (6000, 1000)
    assert (predict.det_limit_side_len, predict.det_limit_type) == (960, "max")
    assert (predict.det_db_box_thresh, predict.det_db_unclip_ratio) == (0.5, 1.6)
    assert predict.rec_image_shape == (3, 32, 320)
    assert (predict.cpu_threads, predict.use_gpu) == (10, False)
    assert settings.ignored == ("cls_batch_num", "rec_batch_num")


def test_several_mistakes_are_told_together(tmp_path: Path) -> None:
    wrong = {
        "web_server": {"prot": 1, "port": -1},
        "ocr": {"predict_system": {"use_gpu": True}, "engine": "openvino"},
        "servce": {},
    }
    with pytest.raises(SettingsError) as caught:
        load(tmp_path, wrong)
    first, *problems = str(caught.value).splitlines()
    assert first == "4 problems:"
    starts = ("  web_server.prot: ", "  web_server.port = ", "  ocr.predict_system.use_gpu = ")
    for line, start in zip(problems, (*starts, "  servce: "), strict=True):
        assert line.startswith(start)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            '{"web_server": {"port": 1}, "ocr": {}, "web_server": {"trusted_proxies": []}}',
            "`web_server` is given twice in {path}; merge the two",
        ),
        (
            '{"ocr": {"process": {}, "process": {"number": 2}}}',
            "`ocr.process` is given twice in {path}; merge the two",
        ),
        (
            '{"web_server": {"port": 1, "port": 1}}',
            "`web_server.port` is given twice in {path}; remove one of them",
        ),
        ('{"a": [{"b": 1, "b": 2}]}', "`a.b` is given twice in {path}; remove one of them"),
    ],
)
def test_a_key_that_is_given_twice_is_refused(tmp_path: Path, text: str, said: str) -> None:
    """Only the last would count: a pasted section would silently replace the one above."""
    path = tmp_path / "config.json"
    path.write_text(text)
    with pytest.raises(SettingsError) as raised:
        load_settings(path, {})
    assert raised.value.problems == (said.format(path=path),)


def test_slashes_inside_of_strings_are_no_comments(tmp_path: Path) -> None:
    predict = load(tmp_path, OF_2021).ocr.predict_system
    assert str(predict.det_model_dir) == "inference/det"
    assert predict.rec_model_dir == Path("file://host/inference/rec")
    assert predict.cls_model_dir == Path(r"C:\models\cls // old")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": "http://x//y"} // "b"', {"a": "http://x//y"}),
        ('{"a": "quote \\" // no comment"}', {"a": 'quote " // no comment'}),
        ('{"a": "backslash \\\\"} // comment', {"a": "backslash \\"}),
        ('// "\n{"a": 1} //', {"a": 1}),
        ('{"a": 1, // one " quote\n"b": 2}', {"a": 1, "b": 2}),
        ('{//\r\n"a": 1}', {"a": 1}),
    ],
)
def test_comments(text: str, value: dict[str, Any]) -> None:
    stripped = strip_comments(text)
    assert json.loads(stripped) == value
    assert len(stripped) == len(text)


def test_an_error_behind_a_comment_has_its_own_place(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="line 3 column 11"):
        load(tmp_path, '{\n  // a comment, "with" quotes\n  "ocr": {]}')


@pytest.mark.parametrize("key", DEFAULTS)
def test_defaults(tmp_path: Path, key: str) -> None:
    assert value_of(load(tmp_path, "{}"), key) == DEFAULTS[key]


def test_the_shipped_settings_are_good_and_change_no_default() -> None:
    shipped = load_settings(ROOT / "config.json", {})
    for key in all_keys():
        assert value_of(shipped, key) == value_of(Settings(), key), key


def test_a_byte_order_mark_is_no_mistake(tmp_path: Path) -> None:
    assert load(tmp_path, '\ufeff{"web_server": {"port": 1}}').web_server.port == 1


def test_the_environment_overrides_the_file_and_arguments_override_both(tmp_path: Path) -> None:
    file = {"web_server": {"port": 1, "address": "::1"}}
    settings = load(
        tmp_path,
        file,
        {"web_server.port": "3"},
        OCR_WEB_SERVER__PORT="2",
        OCR_OCR__PROCESS__NUMBER="7",
        OCR_OCR__PREDICT_SYSTEM__USE_ANGLE_CLS="false",
        OCR_OCR__PREDICT_SYSTEM__REC_IMAGE_SHAPE="3,48,640",
        OCR_WEB_SERVER__FILENAME_ROOTS="/a:/b",
        OCR_SERVICE__TIME="0.5",
    )
    assert (settings.web_server.port, settings.web_server.address) == (3, "::1")
    assert settings.ocr.process.number == 7
    assert settings.ocr.predict_system.use_angle_cls is False
    assert settings.ocr.predict_system.rec_image_shape == (3, 48, 640)
    assert settings.web_server.filename_roots == (Path("/a"), Path("/b"))
    assert settings.service.time == 0.5


def test_every_key_can_be_set_by_the_environment() -> None:
    for key in all_keys():
        name = "OCR_" + key.upper().replace(".", "__")
        assert environment_overrides({name: "x"}) == {key: "x"}


def test_the_port_of_a_platform_is_that_of_the_server_unless_it_has_its_own(
    tmp_path: Path,
) -> None:
    file = {"web_server": {"port": 1}}
    assert load(tmp_path, file, PORT="2").web_server.port == 2
    assert load(tmp_path, file, PORT="").web_server.port == 1
    assert load(tmp_path, file, OCR_WEB_SERVER__PORT="3", PORT="2").web_server.port == 3
    assert load(tmp_path, file, {"web_server.port": "4"}, PORT="2").web_server.port == 4
    with pytest.raises(SettingsError, match=r'web_server\.port = "a": expected an integer'):
        load(tmp_path, file, PORT="a")


@pytest.mark.parametrize("name", ["PATH", "OCR_HOME", "OCR__PORT", "WEB_SERVER__PORT", "PORT_"])
def test_other_variables_are_left_alone(name: str) -> None:
    assert environment_overrides({name: "1"}) == {}


@pytest.mark.parametrize(
    ("value", "networks"),
    [
        (["127.0.0.1", "10.0.0.0/8", "::1"], ["127.0.0.1/32", "10.0.0.0/8", "::1/128"]),
        ("127.0.0.1, fd00::/8", ["127.0.0.1/32", "fd00::/8"]),
        ([], []),
        ("", []),
    ],
)
def test_trusted_proxies(tmp_path: Path, value: Any, networks: list[str]) -> None:
    settings = load(tmp_path, nested("web_server.trusted_proxies", value))
    assert [str(network) for network in settings.web_server.trusted_proxies] == networks


@pytest.mark.parametrize("text", ["false", "False", "0"])
def test_use_gpu_may_be_said_to_be_off(tmp_path: Path, text: str) -> None:
    settings = load(tmp_path, "{}", OCR_OCR__PREDICT_SYSTEM__USE_GPU=text)
    assert settings.ocr.predict_system.use_gpu is False


@pytest.mark.parametrize(
    ("text", "mentions"),
    [
        ('{"web_server": {"prot": 1}}', ["web_server.prot: ", "did you mean web_server.port?"]),
        ('{"web_serve": {}}', ["did you mean web_server?"]),
        ('{"ocr": {"process": {"numbr": 1}}}', ["did you mean ocr.process.number?"]),
        ('{"web_server": {"drop_score": 1}}', ["did you mean ocr.predict_system.drop_score?"]),
        ('{"folder": "/"}', ["unknown key", "web_server, ocr, service"]),
        ('{"web_server": 8888}', ["web_server: ", "expected an object"]),
        ("[]", ["must contain a JSON object"]),
        ("", ["is not valid JSON"]),
        ("{'a': 1}", ["is not valid JSON"]),
        ('{"a": 1} /* no */', ["is not valid JSON"]),
    ],
)
def test_mistakes_of_shape(tmp_path: Path, text: str, mentions: list[str]) -> None:
    with pytest.raises(SettingsError) as caught:
        load(tmp_path, text)
    for mention in mentions:
        assert mention in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("key", "value", "mention"),
    [
        ("web_server.port", 65536, "from 0 to 65535"),
        ("web_server.port", -1, "from 0 to 65535"),
        ("web_server.port", "http", "expected an integer"),
        ("web_server.port", 80.5, "expected an integer"),
        ("web_server.port", True, "expected an integer"),
        ("web_server.port", None, "expected an integer"),
        ("web_server.port", [80], "expected an integer"),
        ("web_server.port", 10**400, "expected an integer"),
        ("web_server.address", "", "string"),
        ("web_server.address", 127, "string"),
        ("web_server.max_body_mb", 0, "from 0.001 to 1024"),
        ("web_server.max_body_mb", 10**400, "from 0.001 to 1024"),
        ("web_server.filename_roots", [1], "list of folders"),
        ("web_server.filename_roots", {"a": "b"}, "list of folders"),
        ("web_server.trusted_proxies", [1], "list of addresses or networks"),
        ("web_server.trusted_proxies", [""], "'' does not appear to be"),
        ("web_server.trusted_proxies", True, "list of addresses or networks"),
        ("web_server.trusted_proxies", {"a": "b"}, "list of addresses or networks"),
        ("web_server.trusted_proxies", ["proxy.local"], "'proxy.local' does not appear to be"),
        ("web_server.trusted_proxies", ["10.0.0.1/8"], "10.0.0.1/8 has host bits set"),
        ("web_server.trusted_proxies", "127.0.0.1,::1/200", "'::1/200' does not appear to be"),
        ("ocr.engine", "tesseract", "openvino, paddle, onnxruntime, paddleocr"),
        ("ocr.precision", "int4", "auto, f32, bf16, int8"),
        ("ocr.max_pixels", 0, "expected an integer"),
        ("ocr.process.timeout_seconds", 0, "from 0.1 to 3600"),
        ("ocr.process.timeout_seconds", float("nan"), "number"),
        ("ocr.process.max_rss_mb", 10, "from 100"),
        ("ocr.predict_system.drop_score", 2, "from 0 to 1"),
        ("ocr.predict_system.use_angle_cls", "perhaps", "true or false"),
        ("ocr.predict_system.use_angle_cls", 2, "true or false"),
        ("ocr.predict_system.det_algorithm", "EAST", "DB"),
        ("ocr.predict_system.det_limit_type", "mean", "auto, min, max"),
        ("ocr.predict_system.rec_image_shape", "48, 320", "3, 48, 320"),
        ("ocr.predict_system.rec_image_shape", [1, 48, 320], "3 channels"),
        ("ocr.predict_system.det_model_dir", 5, "a path"),
        ("ocr.predict_system.use_gpu", True, "CPUs"),
        ("service.time", "forever", "number"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_values_that_are_wrong(tmp_path: Path, key: str, value: Any, mention: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(tmp_path, nested(key, value))
    message = str(caught.value)
    assert message.startswith(f"{key} = ")
    assert mention in message
    assert "\n" not in message


def test_a_wrong_variable_is_told_like_a_wrong_key(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"did you mean web_server\.port"):
        load(tmp_path, "{}", OCR_WEB_SERVER__PROT="1")
    with pytest.raises(SettingsError, match=r"web_server\.port = "):
        load(tmp_path, "{}", OCR_WEB_SERVER__PORT="eighty")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=re.escape(str(tmp_path / "absent.json"))):
        load_settings(tmp_path / "absent.json", {})


def test_paths_start_from_the_folder_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir("/")
    monkeypatch.setenv("HOME", "/home/ocr")
    settings = load(tmp_path, '{"web_server": {"filename_roots": ["./scans"]}}')
    assert settings.resolve(settings.web_server.filename_roots[0]) == tmp_path / "scans"
    assert settings.resolve(Path("/srv/scans")) == Path("/srv/scans")
    assert settings.resolve(Path("~/scans")) == Path("/home/ocr/scans")
