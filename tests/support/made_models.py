"""Small made models: a DBNet that finds what is dark, and recognizers of a few letters."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image, ImageDraw

from tests.support.onnx_files import Graph, Node

STEP = 8  # pixels of the width that a recognizer sees at a time


def detector(channels: int = 1) -> Graph:
    """DBNet: a map of probabilities (1, channels, h, w), high around what is dark."""
    return Graph(
        [
            Node("ReduceMean", ["image"], "bright", {"axes": [1], "keepdims": 1}),
            Node("Neg", ["bright"], "dark"),
            Node(
                "MaxPool",
                ["dark"],
                "around",
                {"kernel_shape": [5, 91], "pads": [2, 45, 2, 45], "strides": [1, 1]},
            ),
            Node("Mul", ["around", "steep"], "logits"),
            Node("Sigmoid", ["logits"], "map"),
            Node("Concat", ["map"] * channels, "answer", {"axis": 1}),
        ],
        [None, 3, None, None],
        {"steep": ([8.0], [1])},
    )


def reader_of(letter: str) -> Graph:
    """A recognizer that reads every line as this letter: (1, steps, 2) in probabilities."""
    return Graph(
        [
            *_mean_of_steps(48, "mean"),  # (1, 1, 1, steps)
            Node("Mul", ["mean", "nothing"], "zero"),
            Node("Transpose", ["zero"], "steps", {"perm": [0, 3, 1, 2]}),
            Node("Squeeze", ["steps", "last"], "column"),  # (1, steps, 1)
            Node("Add", ["column", "logits"], "classes"),
            Node("Softmax", ["classes"], "answer", {"axis": 2}),
        ],
        [None, 3, 48, None],
        {
            "nothing": ([0.0], [1]),
            "last": ([3], [1]),
            "logits": ([-9.0, 9.0], [1, 1, 2]),
        },
        {"character": letter},
    )


def crnn(letter: str) -> Graph:
    """A CRNN as others export it: one gray channel, 32 pixels, (steps, 1, 2) before the softmax.

    It reads each dark bar as the letter.
    """
    return Graph(
        [
            Node("Neg", ["image"], "dark"),
            Node(
                "MaxPool", ["dark"], "darkest", {"kernel_shape": [32, STEP], "strides": [32, STEP]}
            ),
            Node("Transpose", ["darkest"], "steps", {"perm": [3, 0, 1, 2]}),
            Node("Squeeze", ["steps", "last"], "column"),  # (steps, 1, 1)
            Node("Add", ["column", "bias"], "excess"),  # negative for white and for gray padding
            Node("Mul", ["excess", "weights"], "answer"),
        ],
        [None, 1, 32, None],
        {
            "last": ([3], [1]),
            "bias": ([-0.5], [1]),
            "weights": ([-9.0, 9.0], [1, 1, 2]),
        },
        {"character": letter},
    )


def bars(number: int) -> bytes:
    """A PNG with a line of so many dark bars on white."""
    image = Image.new("RGB", (112 + 128 * number, 160), "white")
    draw = ImageDraw.Draw(image)
    for place in range(number):
        left = 96 + 128 * place
        draw.rectangle((left, 60, left + 47, 99), fill="black")
    encoded = io.BytesIO()
    image.save(encoded, "PNG")
    return encoded.getvalue()


def page(number: int) -> bytes:
    """A PNG with one dark line, different for each number."""
    image = Image.new("RGB", (240, 96), "white")
    draw = ImageDraw.Draw(image)
    draw.rectangle((40, 36, 200, 60), fill="black")
    draw.point([(number % 240, 0), (number // 240 % 240, 1)], fill=(254, 254, 254))
    encoded = io.BytesIO()
    image.save(encoded, "PNG")
    return encoded.getvalue()


def made_set(folder: Path, letter: str) -> dict[str, str]:
    """The settings of a set that reads every line as this letter."""
    det = detector().write(folder / "det")
    rec = reader_of(letter).write(folder / f"rec_{letter}")
    return {"det_model_dir": str(det), "rec_model_dir": str(rec)}


def _mean_of_steps(height: int, output: str) -> list[Node]:
    """The mean of each step of STEP columns, as (1, 1, 1, steps)."""
    return [
        Node(
            "AveragePool",
            ["image"],
            "pooled",
            {"kernel_shape": [height, STEP], "strides": [height, STEP]},
        ),
        Node("ReduceMean", ["pooled"], output, {"axes": [1], "keepdims": 1}),
    ]
