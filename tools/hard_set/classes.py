"""The classes of the hard set, and the images of each half."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from typing import Literal, get_args

import numpy as np

from hard_set import documents, effects, screens, slips, tables
from hard_set.sheet import Sample, any_style
from hard_set.words import Random

Half = Literal["tuning", "test"]
HALVES: tuple[Half, ...] = get_args(Half)
Draw = Callable[[Random, int], Sample]

MIN_CHARACTERS = 8_000  # of each class in each half
MIN_IMAGES = 8


def _prose(random: Random, number: int) -> Sample:
    style = any_style(random, 20, 30)
    face = style.chinese if number % 2 else style.latin
    return documents.draw_document(random, style._replace(chinese=face, latin=face), 22)


PAGES: tuple[Draw, ...] = (
    _prose,
    slips.draw_receipt,
    slips.draw_label,
    tables.draw_orders,
    slips.draw_form,
    tables.draw_lab,
    documents.draw_exam,
    tables.draw_numbers,
)


def _some_page(random: Random, number: int) -> Sample:
    return PAGES[number % len(PAGES)](random, number)


CLASSES: dict[str, Draw] = {
    "faces": documents.draw_faces,
    "numbers": tables.draw_numbers,
    "orders": tables.draw_orders,
    "ids": slips.draw_ids,
    "receipts": slips.draw_receipt,
    "forms": slips.draw_form,
    "statements": tables.draw_statement,
    "lab": tables.draw_lab,
    "labels": slips.draw_label,
    "exams": documents.draw_exam,
    "small print": documents.draw_small_print,
    "screens": screens.draw_screen,
    "photos": lambda random, number: effects.photographed(random, _some_page(random, number)),
    "scans": lambda random, number: effects.scanned(random, _some_page(random, number)),
    "jpeg": lambda random, number: effects.compressed(random, _some_page(random, number)),
    "half size": lambda random, number: effects.halved(random, _some_page(random, number)),
    "handwriting": documents.draw_handwriting,
}


def samples(name: str, half: Half, limit: int | None = None) -> Iterator[Sample]:
    """The images of a class: MIN_IMAGES and MIN_CHARACTERS at least, or the first `limit`."""
    characters = number = 0
    while number < limit if limit else characters < MIN_CHARACTERS or number < MIN_IMAGES:
        sample = CLASSES[name](random_of(name, half, number), number)
        characters += sample.characters()
        number += 1
        yield sample


def random_of(name: str, half: Half, number: int) -> Random:
    """The random numbers of an image."""
    seed = hashlib.sha256(f"{name}/{half}/{number}".encode()).digest()
    return np.random.default_rng(int.from_bytes(seed[:8], "big"))
