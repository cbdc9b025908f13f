"""The runtimes with real weights: right shapes, equal answers, clear errors.

Paddle runs in child processes: a broken model may crash the process.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from ocr_engine.errors import ModelError
from ocr_engine.models.catalogue import catalogue_set
from ocr_engine.models.source import ModelFile, ModelSource, Role
from ocr_engine.recognizers.models import load_runtime, normalization
from ocr_engine.runtimes.session import FloatArray, PixelArray, Session, SessionSettings
from ocr_engine.stages import classification, detection, recognition

ROOT = Path(__file__).resolve().parents[2]
ROLES: tuple[Role, ...] = ("det", "cls", "rec")
CLASSES = {"PP-OCRv6_small": 18710, "PP-OCRv4_mobile": 6625}
TOLERANCE = 2e-3  # of a probability; float32 rounding errors pass through about 60 layers


def source(set_name: str, role: Role) -> ModelSource:
    found = {model.role: model for model in catalogue_set(set_name).sources()}
    return found[role]


def settings(set_name: str, role: Role) -> SessionSettings:
    return SessionSettings(normalization(source(set_name, role)), threads=2)


@pytest.fixture(scope="module")
def images() -> dict[Role, PixelArray]:
    """The sign and its second line as each model sees them."""
    with Image.open(ROOT / "tests/data/pages/special_sign.bmp") as image:
        pixels = np.ascontiguousarray(np.asarray(image.convert("RGB"))[:, :, ::-1])
    line = pixels[70:110, 40:285]
    return {
        "det": detection.preprocess(pixels, (128, 320)),
        "cls": classification.preprocess(line),
        "rec": recognition.preprocess(line),
    }


def check_answer(role: Role, answer: npt.NDArray[np.float32], classes: int) -> None:
    """Check for finite probabilities of the right shape that match the sign."""
    assert answer.dtype == np.float32
    assert np.isfinite(answer).all()
    assert answer.min() >= -1e-6
    assert answer.max() <= 1 + 1e-6
    if role == "det":
        assert answer.shape == (1, 1, 128, 320)
        assert answer[0, 0, 94:99, 60:260].mean() > 0.9  # the core of the line
        assert answer[0, 0, :8].mean() < 0.1  # the edge
    elif role == "cls":
        assert answer.shape == (1, 2)
        assert answer.sum() == pytest.approx(1, abs=1e-4)
        assert answer[0, 0] > 0.9  # upright
    else:
        assert answer.shape == (1, 40, classes)  # a step for every 8 pixels of 320
        np.testing.assert_allclose(answer.sum(axis=2), 1, atol=1e-3)


@dataclass(frozen=True)
class Loaded:
    """A session with its first answer."""

    session: Session
    answer: FloatArray


@pytest.fixture(scope="module")
def loaded(images: dict[Role, PixelArray]) -> dict[tuple[str, str, Role], Loaded]:
    sessions: dict[tuple[str, str, Role], Loaded] = {}
    for engine, set_name in (
        ("openvino", "PP-OCRv6_small"),
        ("onnxruntime", "PP-OCRv6_small"),
        ("openvino", "PP-OCRv4_mobile"),
    ):
        runtime = load_runtime(engine)
        for role in ROLES:
            session = runtime.load(source(set_name, role).file, settings(set_name, role))
            sessions[engine, set_name, role] = Loaded(session, session.run(images[role]))
    return sessions


IN_PROCESS = [
    ("openvino", "PP-OCRv6_small"),
    ("onnxruntime", "PP-OCRv6_small"),
    ("openvino", "PP-OCRv4_mobile"),
]


@pytest.mark.parametrize(("engine", "set_name"), IN_PROCESS)
@pytest.mark.parametrize("role", ROLES)
def test_answers(
    loaded: dict[tuple[str, str, Role], Loaded], engine: str, set_name: str, role: Role
) -> None:
    one = loaded[engine, set_name, role]
    check_answer(role, one.answer, CLASSES[set_name])
    assert one.session.input_height == (48 if role == "rec" else None)


@pytest.mark.parametrize("engine", ["openvino", "onnxruntime"])
def test_the_characters_come_with_the_onnx_model(
    loaded: dict[tuple[str, str, Role], Loaded], engine: str
) -> None:
    characters = loaded[engine, "PP-OCRv6_small", "rec"].session.metadata["character"].split("\n")
    assert len(characters) == 18_708
    assert len(set(characters)) == 18_708


@pytest.mark.parametrize("role", ROLES)
def test_openvino_and_onnxruntime_agree(
    loaded: dict[tuple[str, str, Role], Loaded], role: Role
) -> None:
    one = loaded["openvino", "PP-OCRv6_small", role].answer
    other = loaded["onnxruntime", "PP-OCRv6_small", role].answer
    np.testing.assert_allclose(one, other, atol=TOLERANCE)


@pytest.mark.parametrize(("engine", "set_name"), IN_PROCESS)
@pytest.mark.parametrize("role", ROLES)
def test_released_memory_and_other_shapes_change_no_answer(
    loaded: dict[tuple[str, str, Role], Loaded],
    images: dict[Role, PixelArray],
    engine: str,
    set_name: str,
    role: Role,
) -> None:
    one = loaded[engine, set_name, role]
    kept = one.session.run(images[role])
    before = kept.copy()
    if role != "cls":
        wider = np.zeros((1, 64 if role == "det" else 48, 448, 3), dtype=np.uint8)
        one.session.run(wider)
    else:
        one.session.run(255 - images[role])
    np.testing.assert_array_equal(kept, before)  # the next run leaves an answer alone
    one.session.release_memory()
    np.testing.assert_array_equal(kept, before)
    np.testing.assert_array_equal(one.session.run(images[role]), one.answer)


@pytest.mark.parametrize("engine", ["openvino", "onnxruntime"])
def test_what_a_runtime_says_about_itself(engine: str) -> None:
    runtime = load_runtime(engine)
    assert runtime.name == engine
    assert runtime.version()[0].isdigit()
    assert "-" not in runtime.version()
    assert isinstance(runtime.native_bf16(), bool)
    if engine == "onnxruntime":
        assert not runtime.native_bf16()


@pytest.mark.parametrize(
    ("engine", "module"),
    [
        ("openvino", "openvino.runtime"),
        ("onnxruntime", "onnxruntime"),
        ("paddle", "paddle"),
    ],
)
def test_a_runtime_that_is_not_installed(
    engine: str, module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, engine, None)
    monkeypatch.delitem(sys.modules, f"ocr_engine.runtimes.{module}", raising=False)
    with pytest.raises(ModelError, match=rf"engine {engine} is not installed .*pip install -r"):
        load_runtime(engine)


# --- broken files


def folder_with(folder: Path, files: dict[str, bytes]) -> ModelFile:
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_bytes(content)
    program, *params = files
    return ModelFile(folder / program, folder / params[0] if params else None)


GARBAGE = np.random.default_rng(0).bytes(20_000)


def broken_files(folder: Path, kind: str) -> ModelFile:
    """Broken model files by the name of the fault."""
    onnx = source("PP-OCRv6_small", "cls").file.path.read_bytes()
    paddle = source("PP-OCRv4_mobile", "cls").file
    assert paddle.params is not None
    program, params = paddle.path.read_bytes(), paddle.params.read_bytes()
    pair = ("inference.pdmodel", "inference.pdiparams")
    contents: dict[str, dict[str, bytes]] = {
        "onnx garbage": {"inference.onnx": GARBAGE},
        "onnx empty": {"inference.onnx": b""},
        "onnx cut": {"inference.onnx": onnx[: len(onnx) // 2]},
        "pdmodel garbage": dict(zip(pair, (GARBAGE, GARBAGE), strict=True)),
        "pdmodel text": dict(zip(pair, (b"this is no model", params), strict=True)),
        "pdmodel empty": dict(zip(pair, (b"", b""), strict=True)),
        "pdmodel cut": dict(zip(pair, (program[: len(program) // 2], params), strict=True)),
        "pdiparams garbage": dict(zip(pair, (program, GARBAGE), strict=True)),
        "pdiparams empty": dict(zip(pair, (program, b""), strict=True)),
        "pdiparams cut": dict(zip(pair, (program, params[: len(params) // 2]), strict=True)),
        "model garbage": {"model": GARBAGE, "params": GARBAGE},
        "json garbage": {"inference.json": GARBAGE, "inference.pdiparams": GARBAGE},
        "json of nothing": {"inference.json": b"{}", "inference.pdiparams": params},
    }
    return folder_with(folder, contents[kind])


@pytest.mark.parametrize(
    ("engine", "kind"),
    [
        ("onnxruntime", "onnx garbage"),
        ("onnxruntime", "onnx empty"),
        ("onnxruntime", "onnx cut"),
        ("openvino", "onnx garbage"),
        ("openvino", "onnx empty"),
        ("openvino", "onnx cut"),
        ("openvino", "pdmodel garbage"),
        ("openvino", "pdmodel text"),
        ("openvino", "pdmodel empty"),
        ("openvino", "pdmodel cut"),
        ("openvino", "pdiparams garbage"),
        ("openvino", "pdiparams empty"),
        ("openvino", "pdiparams cut"),
        ("openvino", "model garbage"),
    ],
)
def test_a_broken_file_is_a_model_error(tmp_path: Path, engine: str, kind: str) -> None:
    file = broken_files(tmp_path / "model", kind)
    with pytest.raises(ModelError) as caught:
        load_runtime(engine).load(file, SessionSettings())
    assert f"cannot read {file.path}: " in caught.value.message
    assert "\n" not in caught.value.message


# --- Paddle, in a separate process

PADDLE_RUN = """
import json, shutil, sys
from pathlib import Path
import numpy as np
from ocr_engine.errors import ModelError
from ocr_engine.models.source import ModelFile
from ocr_engine.models.catalogue import catalogue_set
from ocr_engine.recognizers.models import load_runtime, normalization
from ocr_engine.runtimes.session import SessionSettings

folder = Path(sys.argv[1])
images = np.load(folder / "images.npz")
normalizations = {
    source.role: normalization(source) for source in catalogue_set("PP-OCRv4_mobile").sources()
}
openvino = load_runtime("openvino")  # both in one process, OpenVINO first
runtime = load_runtime("paddle")
answers = {}
said = {"name": runtime.name, "version": runtime.version(), "bf16": runtime.native_bf16()}


def run(layout, role, program, params):
    file = ModelFile(folder / layout / role / program, folder / layout / role / params)
    session = runtime.load(file, SessionSettings(normalizations[role]))
    answers[f"{layout} {role}"] = first = session.run(images[role])
    kept = first.copy()
    session.run(255 - images[role])
    session.release_memory()
    again = session.run(images[role])
    said[f"{layout} {role}"] = {
        "height": session.input_height,
        "same": bool((again == kept).all()),
        "alone": bool((first == kept).all()),
    }


def convert(role):
    import paddle
    from paddle.base import core

    paddle.enable_static()
    with paddle.pir_utils.OldIrGuard():
        executor = paddle.static.Executor(paddle.CPUPlace())
        prefix = str(folder / "pdmodel" / role / "inference")
        program, _, _ = paddle.static.load_inference_model(prefix, executor)
        description = program.desc
    converted = paddle.pir.translate_to_pir(description)
    target = folder / "json" / role
    target.mkdir(parents=True)
    core.serialize_pir_program(converted, str(target / "inference.json"), True, True, True)
    shutil.copy(folder / "pdmodel" / role / "inference.pdiparams", target)


for role in ("det", "cls", "rec"):
    run("pdmodel", role, "inference.pdmodel", "inference.pdiparams")
run("pair", "rec", "model", "params")
file = ModelFile(*(folder / f"pdmodel/cls/inference.{end}" for end in ("pdmodel", "pdiparams")))
plain = runtime.load(file, SessionSettings(enable_mkldnn=False))
answers["plain cls"] = plain.run(images["cls"])
answers["openvino cls"] = openvino.load(file, SessionSettings()).run(images["cls"])
for role in ("det", "rec"):
    convert(role)
    run("json", role, "inference.json", "inference.pdiparams")
np.savez(folder / "answers.npz", **answers)
for kind, program, params in zip(sys.argv[2::3], sys.argv[3::3], sys.argv[4::3]):
    try:
        runtime.load(ModelFile(Path(program), Path(params)), SessionSettings())
    except ModelError as error:
        said[kind] = error.message
print(json.dumps(said))
"""

PADDLE_LOAD = """
import sys
from pathlib import Path
from ocr_engine.errors import ModelError
from ocr_engine.models.source import ModelFile
from ocr_engine.recognizers.models import load_runtime
from ocr_engine.runtimes.session import SessionSettings

try:
    load_runtime("paddle").load(ModelFile(*map(Path, sys.argv[1:])), SessionSettings())
except ModelError as error:
    print(error.message)
"""

TOLD = ("pdmodel empty", "pdmodel cut", "pdiparams garbage", "pdiparams empty", "pdiparams cut",
        "json garbage", "json of nothing")  # fmt: skip

PADDLE_MODELS: list[tuple[str, Role]] = [
    ("pdmodel", "det"),
    ("pdmodel", "cls"),
    ("pdmodel", "rec"),
    ("pair", "rec"),
    ("json", "det"),
    ("json", "rec"),
]


def run_python(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


@dataclass(frozen=True)
class PaddleAnswers:
    """What Paddle answered in its process, by layout and role, and what else it recorded."""

    answers: dict[str, FloatArray]
    said: dict[str, object]


@pytest.fixture(scope="module")
def paddle_answers(
    tmp_path_factory: pytest.TempPathFactory, images: dict[Role, PixelArray]
) -> PaddleAnswers:
    folder = tmp_path_factory.mktemp("paddle")
    for role in ROLES:
        file = source("PP-OCRv4_mobile", role).file
        assert file.params is not None
        for layout, program, params in (
            ("pdmodel", "inference.pdmodel", "inference.pdiparams"),
            ("pair", "model", "params"),
        ):
            (folder / layout / role).mkdir(parents=True)
            shutil.copy(file.path, folder / layout / role / program)
            shutil.copy(file.params, folder / layout / role / params)
    np.savez(folder / "images.npz", det=images["det"], cls=images["cls"], rec=images["rec"])
    arguments: list[str] = []
    for index, kind in enumerate(TOLD):
        broken = broken_files(folder / f"broken {index}", kind)
        arguments += [kind, str(broken.path), str(broken.params)]
    ran = run_python(PADDLE_RUN, str(folder), *arguments)
    assert ran.returncode == 0, ran.stderr
    with np.load(folder / "answers.npz") as stored:
        answers = {name: stored[name] for name in stored.files}
    return PaddleAnswers(answers, json.loads(ran.stdout.splitlines()[-1]))


@pytest.mark.parametrize(("layout", "role"), PADDLE_MODELS)
def test_paddle_reads_every_layout(paddle_answers: PaddleAnswers, layout: str, role: Role) -> None:
    check_answer(role, paddle_answers.answers[f"{layout} {role}"], 6625)
    height = 48 if role == "rec" and layout != "json" else None
    assert paddle_answers.said[f"{layout} {role}"] == {
        "height": height,
        "same": True,  # after another image and after release_memory
        "alone": True,  # the next run leaves an answer alone
    }


@pytest.mark.parametrize(("layout", "role"), PADDLE_MODELS)
def test_paddle_and_openvino_agree(
    paddle_answers: PaddleAnswers,
    loaded: dict[tuple[str, str, Role], Loaded],
    layout: str,
    role: Role,
) -> None:
    expected = loaded["openvino", "PP-OCRv4_mobile", role].answer
    np.testing.assert_allclose(paddle_answers.answers[f"{layout} {role}"], expected, atol=TOLERANCE)


def test_paddle_without_mkldnn_agrees(paddle_answers: PaddleAnswers) -> None:
    np.testing.assert_allclose(
        paddle_answers.answers["plain cls"],
        paddle_answers.answers["pdmodel cls"],
        atol=TOLERANCE,
    )


def test_paddle_and_openvino_live_in_one_process(
    paddle_answers: PaddleAnswers, loaded: dict[tuple[str, str, Role], Loaded]
) -> None:
    np.testing.assert_allclose(
        paddle_answers.answers["openvino cls"],
        loaded["openvino", "PP-OCRv4_mobile", "cls"].answer,
        atol=1e-6,
    )


def test_what_paddle_says_about_itself(paddle_answers: PaddleAnswers) -> None:
    assert paddle_answers.said["name"] == "paddle"
    assert str(paddle_answers.said["version"])[0].isdigit()
    assert paddle_answers.said["bf16"] is False


@pytest.mark.parametrize("role", ["cls", "rec"])
def test_openvino_reads_the_pair_of_2020(
    tmp_path: Path,
    images: dict[Role, PixelArray],
    loaded: dict[tuple[str, str, Role], Loaded],
    role: Role,
) -> None:
    file = source("PP-OCRv4_mobile", role).file
    assert file.params is not None
    shutil.copy(file.path, tmp_path / "model")
    shutil.copy(file.params, tmp_path / "params")
    pair = ModelFile(tmp_path / "model", tmp_path / "params")
    session = load_runtime("openvino").load(pair, settings("PP-OCRv4_mobile", role))
    expected = loaded["openvino", "PP-OCRv4_mobile", role]
    np.testing.assert_allclose(session.run(images[role]), expected.answer, atol=1e-6)
    assert session.input_height == expected.session.input_height
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model", "params"]


@pytest.mark.parametrize("kind", TOLD)
def test_a_broken_file_is_a_model_error_in_paddle(paddle_answers: PaddleAnswers, kind: str) -> None:
    message = str(paddle_answers.said[kind])
    assert message.startswith("Paddle cannot read /")
    assert "\n" not in message


@pytest.mark.parametrize("kind", ["pdmodel garbage", "model garbage"])
def test_garbage_does_not_take_paddle_down(tmp_path: Path, kind: str) -> None:
    file = broken_files(tmp_path / "model", kind)
    done = run_python(PADDLE_LOAD, str(file.path), str(file.params))
    assert done.returncode == 0, f"ended with {done.returncode}"
    assert f"Paddle cannot read {file.path}: " in done.stdout
