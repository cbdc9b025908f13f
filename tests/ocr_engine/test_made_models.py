"""Models in folders as other projects export them: a CRNN of gray images, a DBNet of two maps."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ocr_engine.arrays import FloatArray
from ocr_engine.errors import ModelError
from ocr_engine.images.decode import decode
from ocr_engine.models.directory import ModelChoice, resolve_models
from ocr_engine.options import RecognitionOptions
from ocr_engine.recognizer import EngineName, EngineSettings, Recognizer, load_recognizer
from ocr_engine.recognizers.ctc_output import converted
from ocr_engine.result import Line
from ocr_engine.runtimes.session import PixelArray
from tests.support.fake_sessions import FakeSession
from tests.support.made_models import bars, crnn, detector, reader_of

ENGINES: tuple[EngineName, ...] = ("openvino", "onnxruntime")


def loaded(det: Path, rec: Path, engine: EngineName = "openvino") -> Recognizer:
    choice = ModelChoice(det_model_dir=det, rec_model_dir=rec)
    return load_recognizer(EngineSettings(engine, resolve_models(choice, engine)))


def lines(recognizer: Recognizer, image: bytes) -> tuple[Line, ...]:
    options = RecognitionOptions(use_angle_cls=False)
    document = recognizer.recognize(decode(image, 1_000_000), options).result
    return tuple(document.lines)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_crnn_with_one_gray_channel_and_32_pixels(tmp_path: Path, engine: EngineName) -> None:
    rec = crnn("I").write(tmp_path / "crnn")
    recognizer = loaded(detector().write(tmp_path / "det"), rec, engine)
    for number in (2, 3, 5):
        (line,) = lines(recognizer, bars(number))
        assert line.text == "I" * number
        assert 0.5 < line.confidence <= 1  # a softmax was applied


@pytest.mark.parametrize("engine", ENGINES)
def test_a_dbnet_that_also_has_the_map_of_its_threshold(tmp_path: Path, engine: EngineName) -> None:
    rec = reader_of("A").write(tmp_path / "rec")
    (line,) = lines(loaded(detector(1).write(tmp_path / "det"), rec, engine), bars(3))
    assert line.text == "A"
    assert lines(loaded(detector(2).write(tmp_path / "det2"), rec, engine), bars(3)) == (line,)


def test_a_gray_model_is_no_detection_model(tmp_path: Path) -> None:
    folder = crnn("I").write(tmp_path / "crnn")
    with pytest.raises(ModelError, match=r"^det_model_dir: crnn does not run as a detection model"):
        loaded(folder, folder)


def test_a_dictionary_of_the_wrong_length_is_still_told(tmp_path: Path) -> None:
    rec = crnn("I\nJ\nK").write(tmp_path / "crnn")
    with pytest.raises(ModelError, match="crnn has 2 output classes, but its dictionary has 3"):
        loaded(detector().write(tmp_path / "det"), rec)


def test_outputs_in_the_usual_layout_are_left_alone() -> None:
    session = FakeSession()
    probabilities = np.full((1, 7, 2), 0.5, dtype=np.float32)
    assert converted(session, probabilities) is session


@pytest.mark.parametrize("steps_first", [False, True])
def test_a_softmax_is_applied_once(steps_first: bool) -> None:
    logits = np.array([[[9.0, -9.0], [-9.0, 9.0], [0.0, 0.0]]], dtype=np.float32)

    class Answering(FakeSession):
        def run(self, pixels: PixelArray) -> FloatArray:
            return logits.transpose(1, 0, 2) if steps_first else logits

    session, blank = Answering(), np.zeros((1, 1, 1, 1), dtype=np.uint8)
    answer = converted(session, session.run(blank)).run(blank)
    expected = np.array([[1.0, 0.0], [0.0, 1.0], [0.5, 0.5]])
    np.testing.assert_allclose(answer[0], expected, atol=1e-6)
