"""Recognition: the width of the model's input, and CTC decoding by hand."""

from __future__ import annotations

import numpy as np
import pytest

from ocr_engine.arrays import FloatArray
from ocr_engine.images.decode import ImageArray
from ocr_engine.stages.crops import PADDING
from ocr_engine.stages.recognition import (
    decode,
    decode_characters,
    filled_share,
    padded_width,
    preprocess,
)

CHARACTERS = ("a", "b", "c", " ")
BLANK, A, B, C, SPACE = range(5)


def plain(height: int, width: int, colour: tuple[int, int, int] = (255, 255, 255)) -> ImageArray:
    crop = np.empty((height, width, 3), dtype=np.uint8)
    crop[:] = colour
    return crop


def steps(*likeliest: tuple[int, float]) -> FloatArray:
    """Probabilities (1, steps, 5) with the given likeliest class and value per step."""
    probabilities = np.full((1, len(likeliest), 5), 0.01, dtype=np.float32)
    for step, (index, probability) in enumerate(likeliest):
        probabilities[0, step, index] = probability
    return probabilities


@pytest.mark.parametrize(
    ("height", "width", "filled", "padded"),
    [
        (48, 1, 1, 64),
        (480, 1, 1, 64),  # 0.1 -> 1
        (48, 63, 63, 64),
        (48, 64, 64, 64),
        (48, 65, 65, 128),
        (48, 128, 128, 128),
        (96, 129, 65, 128),  # 64.5: up to 320 it is rounded up
        (96, 639, 320, 320),  # 319.5 -> 320
        (48, 320, 320, 320),
        (96, 641, 320, 320),  # 320.5: above 320 it is cut
        (48, 321, 321, 384),
        (96, 769, 384, 384),  # 384.5 -> 384
        (24, 200, 400, 480),
        (48, 481, 481, 576),
        (48, 2049, 2049, 2560),
        (48, 3199, 3199, 3200),
        (48, 3200, 3200, 3200),
        (48, 3201, 3200, 3200),
        (10, 4000, 3200, 3200),  # 19200 -> 3200
    ],
)
def test_width_and_bucket(height: int, width: int, filled: int, padded: int) -> None:
    seen = preprocess(plain(height, width))
    assert seen.shape == (1, 48, padded, 3)
    assert seen.dtype == np.uint8
    assert (seen[:, :, :filled] == 255).all()
    assert (seen[:, :, filled:] == PADDING).all()


def test_width_is_rounded_up_to_the_base_width_of_the_model() -> None:
    # 64 x 203 at a height of 32 is 101.5 wide
    assert np.count_nonzero(preprocess(plain(64, 203), 32, 320)[0, 0, :, 0] == 255) == 102
    assert np.count_nonzero(preprocess(plain(64, 203), 32, 100)[0, 0, :, 0] == 255) == 101
    assert preprocess(plain(64, 203), 32, 100).shape == (1, 32, 128, 3)


def test_padding_is_the_zero_of_the_model() -> None:
    assert abs(PADDING / 127.5 - 1) < 1 / 255
    assert PADDING == 127


def test_channels_stay_in_the_order_of_the_pixels() -> None:
    assert (preprocess(plain(48, 100, (255, 0, 51)))[:, :, :100] == (255, 0, 51)).all()


def test_left_stays_left_and_top_stays_top() -> None:
    crop = plain(96, 200, (0, 0, 0))
    crop[:48, :100] = 255
    seen = preprocess(crop)[0, :, :, 0]  # 48 x 100
    assert seen[10, 25] == 255
    assert seen[10, 75] == seen[40, 25] == seen[40, 75] == 0


@pytest.mark.parametrize(
    ("probabilities", "text", "score"),
    [
        (steps((A, 0.9)), "a", 0.9),
        (steps((A, 0.9), (B, 0.5)), "ab", 0.7),
        (steps((A, 0.9), (A, 0.3)), "a", 0.9),  # a repeat counts once, by its first step
        (steps((A, 0.3), (A, 0.9)), "a", 0.3),
        (steps((A, 0.9), (BLANK, 0.99), (A, 0.5)), "aa", 0.7),  # a blank separates repeats
        (steps((A, 0.8), (BLANK, 0.99), (B, 0.6)), "ab", 0.7),
        (steps((BLANK, 0.99), (BLANK, 0.98), (C, 0.6), (BLANK, 0.9)), "c", 0.6),
        (steps((A, 0.9), (B, 0.6), (A, 0.3)), "aba", 0.6),
        (steps((B, 0.8), (B, 0.1), (SPACE, 0.6), (SPACE, 0.2), (C, 0.7)), "b c", 0.7),
        (steps((A, 1.0), (A, 1.0), (BLANK, 1.0), (A, 0.5), (A, 0.5), (B, 0.3)), "aab", 0.6),
        (steps((BLANK, 0.9)), "", 0.0),
        (steps((BLANK, 0.9), (BLANK, 0.8), (BLANK, 0.7)), "", 0.0),
        (steps(), "", 0.0),
    ],
)
def test_decode_by_hand(probabilities: FloatArray, text: str, score: float) -> None:
    got, confidence = decode(probabilities, CHARACTERS)[:2]
    assert got == text
    assert confidence == pytest.approx(score, abs=1e-6)
    assert type(confidence) is float


def test_characters_outside_ascii_are_kept_whole() -> None:
    reading = decode(
        steps((A, 0.9), (BLANK, 0.9), (C, 0.9), (SPACE, 0.9)), ("书", "x", "e\u0301", "\u3000")
    )
    assert reading.text == "书e\u0301\u3000"


def test_characters_are_where_their_steps_are() -> None:
    blank = (BLANK, 0.9)
    said = steps(blank, (A, 0.9), (A, 0.4), blank, (A, 0.7), (SPACE, 0.6), (C, 0.5), blank)
    reading = decode_characters(said, CHARACTERS, filled=1.0)
    assert [(c.text, c.start * 8, c.end * 8) for c in reading.characters] == [
        ("a", 1, 3),
        ("a", 4, 5),
        (" ", 5, 6),
        ("c", 6, 7),
    ]
    confidences = [c.confidence for c in reading.characters]
    assert confidences == pytest.approx([0.9, 0.7, 0.6, 0.5])  # of their first steps


def test_padding_does_not_count_for_where_characters_are() -> None:
    """Two of eight steps are padding: the crop ends with the sixth."""
    said = steps(*[(BLANK, 0.9)] * 3, (B, 0.9), *[(BLANK, 0.9)] * 4)
    (found,) = decode_characters(said, CHARACTERS, filled=0.75).characters
    assert (found.start, found.end) == pytest.approx((3 / 6, 4 / 6))


@pytest.mark.parametrize(
    "probabilities",
    [
        steps((A, 0.9), (A, 0.3), (BLANK, 0.9), (B, 0.5)),
        steps((C, 0.31), (SPACE, 0.27), (C, 0.9)),
        steps((BLANK, 0.9)),
        steps(),
    ],
)
def test_with_characters_text_and_confidence_are_the_same(probabilities: FloatArray) -> None:
    reading = decode_characters(probabilities, CHARACTERS, 0.5)
    assert reading[:2] == decode(probabilities, CHARACTERS)[:2]
    assert "".join(c.text for c in reading.characters) == reading.text
    if reading.characters:
        mean = np.mean([c.confidence for c in reading.characters])
        assert reading.confidence == pytest.approx(mean, abs=1e-6)


@pytest.mark.parametrize("squeeze", [1.0, 0.7])
@pytest.mark.parametrize("width", [1, 63, 64, 65, 200, 321, 5000])
def test_the_filled_share_is_that_of_the_padded_crop(width: int, squeeze: float) -> None:
    crop = plain(48, width)
    seen = preprocess(crop, squeeze=squeeze)
    filled = np.count_nonzero(seen[0, 0, :, 0] == 255) / seen.shape[2]
    assert filled_share(crop.shape[:2], squeeze=squeeze) == pytest.approx(filled)


@pytest.mark.parametrize("blanks", [0.0, 3.0, 9.0])
def test_skipped_blanks_change_nothing(blanks: float) -> None:
    letters = tuple(map(chr, range(0x4E00, 0x4E00 + 200)))
    logits = np.random.default_rng(5).normal(0, 3, (1, 300, 201))
    logits[0, :, BLANK] += blanks
    exponents = np.exp(logits)
    probabilities = (exponents / exponents.sum(axis=2, keepdims=True)).astype(np.float32)
    classes = probabilities[0].argmax(axis=1)
    spoken = [
        step
        for step, index in enumerate(classes)
        if index != BLANK and (step == 0 or index != classes[step - 1])
    ]
    text, confidence = decode(probabilities, letters)[:2]
    assert text == "".join(letters[classes[step] - 1] for step in spoken)
    assert confidence == pytest.approx(probabilities[0, spoken, classes[spoken]].mean())
    assert 0 < len(spoken) < 300


@pytest.mark.parametrize("sharpness", [1, 3, 10])
@pytest.mark.parametrize("seed", range(5))
def test_no_step_is_skipped_that_says_something_else(seed: int, sharpness: int) -> None:
    randomness = np.random.default_rng(seed)
    scores = sharpness * randomness.standard_normal((1, 300, 5)).repeat(2, axis=1)
    powers = np.exp(scores.astype(np.float32))
    probabilities = powers / powers.sum(axis=2, keepdims=True)
    likeliest = probabilities[0].argmax(axis=1)
    first = np.flatnonzero((likeliest != BLANK) & (np.diff(likeliest, prepend=BLANK) != 0))
    text, confidence = decode(probabilities, CHARACTERS)[:2]
    assert text == "".join(CHARACTERS[index - 1] for index in likeliest[first])
    assert confidence == pytest.approx(probabilities[0, first, likeliest[first]].mean())


@pytest.mark.parametrize(("width", "padded"), [(20, 320), (320, 320), (321, 384)])
def test_a_crop_may_be_padded_to_a_minimum_width(width: int, padded: int) -> None:
    crop = np.zeros((48, width, 3), dtype=np.uint8)
    assert preprocess(crop, min_width=320).shape == (1, 48, padded, 3)
    assert padded_width((48, width), min_width=320) == padded
    assert filled_share((48, width), min_width=320) == width / padded
