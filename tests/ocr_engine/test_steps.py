"""An image that is read in part by one worker, and continued by another."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import pytest

from ocr_engine.budget import Budget
from ocr_engine.images.decode import DecodedImage, decode
from ocr_engine.models.catalogue import catalogue_set
from ocr_engine.options import RecognitionOptions
from ocr_engine.recognizer import EngineSettings
from ocr_engine.recognizers import ppocr
from ocr_engine.recognizers.ppocr import PpOcr
from ocr_engine.result import Document
from ocr_engine.steps import SAVE_SECONDS, Steps

PAGES = Path(__file__).resolve().parents[1] / "data" / "pages"


class Clock:
    """Advances with each look at it."""

    def __init__(self, step: float = 2 * SAVE_SECONDS) -> None:
        self.now = 0.0
        self.step = step

    def __call__(self) -> float:
        self.now += self.step
        return self.now


def test_results_are_saved_now_and_then() -> None:
    saved: list[bytes] = []
    clock = Clock(SAVE_SECONDS / 2)
    steps = Steps(save=saved.append, clock=clock)
    step = steps.begin()
    for part in range(5):
        step.add(part, f"result {part}")
    assert [len(each.splitlines()) for each in saved] == [2, 2]
    found = Steps(b"".join(saved)).begin().found
    assert found == {part: f"result {part}" for part in range(4)}


def test_nothing_is_saved_if_nobody_needs_it() -> None:
    step = Steps(clock=Clock()).begin()
    step.add(0, object())  # which JSON could not hold


@pytest.fixture(scope="module")
def recognizer() -> PpOcr:
    return ppocr.load(EngineSettings("openvino", catalogue_set("PP-OCRv6_small"), cores=2))


def page(name: str) -> DecodedImage:
    return decode((PAGES / name).read_bytes(), 10**7)


def read(
    recognizer: PpOcr, image: DecodedImage, options: RecognitionOptions, steps: Steps, cores: int
) -> Document:
    return recognizer.recognize(image, options, Budget(cores, steps=steps)).result


@pytest.mark.parametrize("cores", [1, 2])
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("receipt_en_cafe.png", RecognitionOptions()),
        ("receipt_en_cafe.png", RecognitionOptions(granularity="char")),
        ("document_zh_library.png", RecognitionOptions(granularity="word")),
    ],
)
def test_a_page_that_is_continued_reads_the_same(
    recognizer: PpOcr,
    name: str,
    options: RecognitionOptions,
    cores: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    image = page(name)
    saved: list[bytes] = []
    whole = read(recognizer, image, options, Steps(save=saved.append, clock=Clock()), cores)
    assert len(saved) > len(whole.lines) > 10
    runs: list[str] = []
    for role, session in (("det", recognizer.sessions.det), ("rec", recognizer.sessions.rec)):
        monkeypatch.setattr(session, "run", _noted(runs, role, session.run))
        monkeypatch.setattr(session, "run_each", _noted_each(runs, session.run_each))
    for count in (1, len(saved) // 2, len(saved) - 1, len(saved)):
        runs.clear()
        steps = Steps(b"".join(saved[:count]))
        assert read(recognizer, image, options, steps, cores) == whole
        assert runs.count("rec") == len(saved) - count
        assert "det" not in runs


def _noted(runs: list[str], role: str, run: Any) -> Any:
    @functools.wraps(run)
    def noted(*arguments: Any) -> Any:
        runs.append(role)
        return run(*arguments)

    return noted


def _noted_each(runs: list[str], run_each: Any) -> Any:
    @functools.wraps(run_each)
    def noted(inputs: Any, infer_requests: int = 1) -> Any:
        runs.extend(["rec"] * len(inputs.widths))
        return run_each(inputs, infer_requests)

    return noted
