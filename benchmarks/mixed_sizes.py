"""Images of mixed sizes, from 100x30 to 4000x3000 pixels, made from the project's pages."""

from __future__ import annotations

import io
import random
from collections.abc import Iterator

from PIL import Image, ImageOps
from workloads import images

SMALLEST = (100, 30)
LARGEST = (4000, 3000)
MAX_PNG_PIXELS = 1_000_000


def mixed_sizes(count: int, seed: int) -> Iterator[bytes]:
    """This many encoded images, log-uniform in area, including the smallest and the largest.

    The same seed gives the same images.
    """
    randomness = random.Random(seed)
    pages = [Image.open(io.BytesIO(page)).convert("RGB") for page in images("pages").values()]
    for size in sizes(count, randomness):
        page = randomness.choice(pages)
        enlarged = size[0] * size[1] > page.width * page.height and randomness.random() < 0.5
        image = ImageOps.fit(page, size) if enlarged else _tiled(pages, size, randomness)
        yield _encoded(image, randomness)


def sizes(count: int, randomness: random.Random) -> list[tuple[int, int]]:
    """(width, height) in random order: equidistant areas on a log scale, with random ratios."""
    smallest, largest = SMALLEST[0] * SMALLEST[1], LARGEST[0] * LARGEST[1]
    found = []
    for number in range(count):
        area = smallest * (largest / smallest) ** (number / max(1, count - 1))
        ratio = 2 ** randomness.uniform(-1, 1.7)
        width = min(max(round((area * ratio) ** 0.5), SMALLEST[0]), LARGEST[0])
        height = min(max(round(area / width), SMALLEST[1]), LARGEST[1])
        found.append((width, height))
    found[0], found[-1] = SMALLEST, LARGEST
    randomness.shuffle(found)
    return found


def _tiled(
    pages: list[Image.Image], size: tuple[int, int], randomness: random.Random
) -> Image.Image:
    """An image of this size, filled with unscaled pages next to each other."""
    image = Image.new("RGB", size, "white")
    top = 0
    while top < size[1]:
        left = row = 0
        while left < size[0]:
            page = randomness.choice(pages)
            right = randomness.randrange(max(1, page.width - size[0]))
            down = randomness.randrange(max(1, page.height - size[1]))
            image.paste(page, (left - right, top - down))
            left += page.width - right
            row = max(row, page.height - down)
        top += row
    return image


def _encoded(image: Image.Image, randomness: random.Random) -> bytes:
    encoded = io.BytesIO()
    if image.width * image.height <= MAX_PNG_PIXELS and randomness.random() < 0.5:
        image.save(encoded, "PNG", compress_level=1)
    else:
        image.save(encoded, "JPEG", quality=85)
    return encoded.getvalue()
