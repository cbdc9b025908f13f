"""tools/calibrate.py on pages of the project: what it writes is what the server then loads."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import calibrate
from ocr_engine.models import ranges
from ocr_engine.models.catalogue import catalogue_set
from ocr_engine.models.directory import ModelChoice, directory_source
from ocr_engine.models.ranges import FILE_NAME, ActivationRanges, read_ranges, write_ranges
from ocr_engine.models.source import ModelSource, Role
from ocr_engine.recognizer import EngineSettings
from ocr_engine.recognizers import ppocr
from ocr_engine.runtimes.openvino.graph.quantization import quantizable
from ocr_engine.runtimes.openvino.runtime import OpenVinoRuntime, read_graph

PAGES = Path(__file__).parent / "data" / "pages"
SIGN = PAGES / "special_sign.bmp"
UNKNOWN_FIELD = b"\xa0\x1f\x00"  # number 500 in protobuf, which readers of ONNX pass over


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder in place of the one with the shipped ranges."""
    folder = tmp_path / "shipped"
    monkeypatch.setattr(ranges, "SHIPPED", folder)
    return folder


@pytest.fixture
def run(tmp_path: Path, shipped: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    return Command(tmp_path / "config.json", monkeypatch)


class Command:
    """The command with arguments and settings of its own."""

    def __init__(self, config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._config = config
        self._monkeypatch = monkeypatch

    def __call__(self, *arguments: str | Path, **ocr: object) -> int:
        self._config.write_text(json.dumps({"ocr": ocr}))
        words = ["calibrate.py", "--config", self._config, *arguments]
        self._monkeypatch.setattr("sys.argv", [str(word) for word in words])
        return calibrate.main()


def model_in(folder: Path, role: Role, addition: bytes = b"") -> Path:
    """A folder with a copy of a model of the catalogue, and maybe something added to it."""
    folder.mkdir()
    source = getattr(catalogue_set("PP-OCRv6_small"), role)
    shutil.copyfile(source.file.path, folder / "inference.onnx")
    with (folder / "inference.onnx").open("ab") as file:
        file.write(addition)
    return folder


def operations(source: ModelSource) -> list[str]:
    graph = read_graph(OpenVinoRuntime().core, source.file)
    return [node.get_friendly_name() for node in quantizable(graph)]


def test_ranges_of_the_default_models_load(
    run: Command, shipped: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert catalogue_set("PP-OCRv6_small").det.ranges is None
    assert run("--", PAGES / "label_en_jam.png", PAGES / "label_zh_soap.jpg") == 0
    told = capsys.readouterr().out
    assert "label_en_jam.png: 6 lines\nlabel_zh_soap.jpg: 6 lines\n" in told
    models = catalogue_set("PP-OCRv6_small")
    for source in (models.det, models.rec):
        path = shipped / f"{source.name}.json"
        assert f"{source.name}: {len(operations(source))} ranges in {path}" in told
        assert source.ranges == read_ranges(path)
        assert source.ranges is not None
        assert source.ranges.sha256 == source.sha256
        assert sorted(source.ranges.values) == sorted(operations(source))
        assert all(low < high for low, high in source.ranges.values.values())
    loaded = ppocr.load(EngineSettings("openvino", models, precision="int8"))
    assert loaded.info.precision == "int8"


@pytest.mark.parametrize(
    "addition",
    [
        pytest.param(UNKNOWN_FIELD, id="a model of one's own"),
        pytest.param(b"", id="a copy of one of the catalogue"),
    ],
)
def test_a_model_in_a_folder_gets_its_ranges_next_to_it(
    run: Command, shipped: Path, tmp_path: Path, addition: bytes
) -> None:
    folder = model_in(tmp_path / "mine", "det", addition)
    arguments = ("--in-f32", "Conv.1", "Conv.2", "--", SIGN)
    assert run(*arguments, predict_system={"det_model_dir": str(folder)}) == 0
    assert [path.name for path in shipped.iterdir()] == ["PP-OCRv6_small_rec.json"]
    source = directory_source("det", folder, "openvino", ModelChoice())
    assert source.ranges == read_ranges(folder / FILE_NAME)
    assert source.ranges is not None
    assert sorted(source.ranges.values) == sorted(set(operations(source)) - {"Conv.1", "Conv.2"})
    # only detection leaves them out
    recognition = read_ranges(shipped / "PP-OCRv6_small_rec.json")
    assert {"Conv.1", "Conv.2"} <= set(recognition.values)


def test_ranges_of_another_model_are_replaced(run: Command, tmp_path: Path) -> None:
    folder = model_in(tmp_path / "mine", "det", UNKNOWN_FIELD)
    write_ranges(folder / FILE_NAME, ActivationRanges("00", {"Conv.1": (0.0, 1.0)}))
    assert run("--", SIGN, predict_system={"det_model_dir": str(folder)}) == 0
    source = directory_source("det", folder, "openvino", ModelChoice())
    assert source.ranges is not None
    assert source.ranges.sha256 == source.sha256


def test_images_without_text_are_an_error(
    run: Command, shipped: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images = tmp_path / "images"
    images.mkdir()
    shutil.copy(PAGES / "special_white.png", images)
    (images / "notes.txt").write_text("no image")
    with pytest.raises(SystemExit, match="2"):
        run("--", images)
    told = capsys.readouterr()
    assert told.out == "special_white.png: 0 lines\n"
    assert "notes.txt: left out: " in told.err
    assert "no line of text was found in the images" in told.err
    assert not shipped.exists()


def test_only_openvino_has_int8(run: Command, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        run("--", SIGN, engine="onnxruntime")
    assert "ocr.engine must be openvino: the other engines have no INT8" in capsys.readouterr().err
