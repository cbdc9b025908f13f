"""Finds and reads the lines of a page, which may lie on its side or upside down in the image.

Most pages are upright: their lines are read once, and the readings show it. Otherwise a sample of
lines is read both ways, and the image of a page that is not upright is rotated and read again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import NamedTuple

import numpy as np

from ocr_engine.arrays import FloatArray
from ocr_engine.images.decode import ImageArray
from ocr_engine.layout.joined_lines import divided
from ocr_engine.options import RecognitionOptions
from ocr_engine.stages import page_angle
from ocr_engine.stages.classification import turn
from ocr_engine.stages.cropping import CropRegion, crop_region, cut_out
from ocr_engine.stages.crops import Crops
from ocr_engine.stages.detection import ScoredBox
from ocr_engine.stages.reading_order import column_order, reading_order
from ocr_engine.stages.recognition import Reading

Detect = Callable[[ImageArray], list[FloatArray]]  # boxes in raster order
Read = Callable[[Crops, RecognitionOptions], list[Reading]]
ReadSample = Callable[[Crops], list[Reading]]  # with characters

FAINT_BOXES = 16  # that are read at most, to see whether they are text
SURE_OF_FAINT = 0.9  # the confidence that shows it


@dataclass(frozen=True, slots=True)
class PageLines:
    """The lines found on a page, in raster order: boxes, regions and crops."""

    boxes: Sequence[FloatArray]
    regions: Sequence[CropRegion]
    crops: Crops

    @property
    def steep(self) -> list[bool]:
        """Which lines run upwards or downwards."""
        return [abs(x) < abs(y) for x, y in (region.direction for region in self.regions)]

    @property
    def is_mostly_steep(self) -> bool:
        """Whether the page lies on its side, or is written in vertical columns."""
        return page_angle.mostly_steep(self.crops.shapes, self.steep)


class ReadPage(NamedTuple):
    """A page, the readings of its lines, and its angle; see Page.angle."""

    lines: PageLines
    readings: list[Reading]
    angle: int


def read_page(
    pixels: ImageArray, options: RecognitionOptions, detect: Detect, read: Read
) -> ReadPage:
    """The lines of the upright page; boxes are those in the rotated image."""
    with_characters = replace(options, granularity="char")

    def find(angle: int) -> PageLines:
        upright = page_angle.rotate(pixels, angle)
        return cut_lines(upright, detect(upright))

    def sample(crops: Crops) -> list[Reading]:
        return read(crops, with_characters)

    angle = page_angle.given(options)
    lines = find(angle or 0)
    if lines.is_mostly_steep and not page_angle.is_off(options):
        told = angle_of_steep(lines, sample) if angle is None else angle
        if angle is None and told:
            lines = find(told)
        if told is not None and lines.is_mostly_steep:
            lines = by_columns(lines)
        angle = told or 0
    readings = read(lines.crops, options)
    if angle is None and is_upside_down(lines, readings, sample):
        angle = 180
        lines = find(angle)
        readings = read(lines.crops, options)
    return ReadPage(lines, readings, angle or 0)


def ordered_boxes(boxes: Sequence[ScoredBox], pixels: ImageArray) -> list[ScoredBox]:
    """The boxes inside of the image, in reading order; those that join columns are divided."""
    edges = np.array(pixels.shape[1::-1], dtype=np.float32)
    inside = [box._replace(corners=np.minimum(box.corners, edges)) for box in boxes]
    found = divided(inside, pixels)
    return [found[index] for index in reading_order([box.corners for box in found])]


def readable(
    pixels: ImageArray, boxes: Sequence[ScoredBox], options: RecognitionOptions, read: Read
) -> list[FloatArray]:
    """The corners of the boxes, without faint ones whose text does not read well.

    Only the least faint ones are read: an image that has many shows a texture.
    """
    threshold = options.det_db_box_thresh
    faint = sorted((box.score for box in boxes if box.score < threshold), reverse=True)
    least = faint[:FAINT_BOXES][-1] if faint else threshold

    def reads_well(box: ScoredBox) -> bool:
        lines = cut_lines(pixels, [box.corners])
        readings = read(lines.crops, replace(options, granularity="line"))
        return any(reading.confidence >= SURE_OF_FAINT for reading in readings)

    return [
        box.corners
        for box in boxes
        if box.score >= threshold or (box.score >= least and reads_well(box))
    ]


def cut_lines(pixels: ImageArray, boxes: Sequence[FloatArray]) -> PageLines:
    """The lines in these boxes; a box without area is left out."""
    lines = [(box, region) for box in boxes if (region := crop_region(box)) is not None]
    return PageLines(
        [box for box, _ in lines],
        [region for _, region in lines],
        Crops(
            [region.crop_shape for _, region in lines],
            lambda number: cut_out(pixels, lines[number][1]),
        ),
    )


def by_columns(lines: PageLines) -> PageLines:
    """The same lines in the order of vertical columns."""
    order = column_order(lines.boxes, lines.steep)
    return PageLines(
        [lines.boxes[number] for number in order],
        [lines.regions[number] for number in order],
        lines.crops.subset(order),
    )


def angle_of_steep(lines: PageLines, read: ReadSample) -> int | None:
    """The angle of a page with mostly steep lines; None if they do not tell.

    0 and 180: it is written in vertical columns.
    """
    shapes, steep = lines.crops.shapes, lines.steep
    sample = page_angle.sample_of(shapes, [n for n, is_steep in enumerate(steep) if is_steep])
    others = page_angle.sample_of(shapes, [n for n, is_steep in enumerate(steep) if not is_steep])
    falling, rising = _downwards(lines, sample), _downwards(lines, sample, turned=True)
    down, up = read(falling), read(rising)
    against = page_angle.readable(read(lines.crops.subset(others)))
    downwards, upwards = page_angle.balance(list(zip(down, up, strict=True)))
    if page_angle.clear(downwards, upwards + against):
        return 0 if are_columns(falling, down, read) else 270
    if page_angle.clear(upwards, downwards + against):
        return 180 if are_columns(rising, up, read) else 90
    return None


def is_upside_down(lines: PageLines, readings: Sequence[Reading], read: ReadSample) -> bool:
    """Whether the page is upside down; reads lines only if most of the page reads badly."""
    sample = page_angle.in_doubt(lines.crops.shapes, readings)
    turned = dict(zip(sample, read(lines.crops.subset(sample, turn)), strict=True))
    return page_angle.is_upside_down(readings, turned)


def are_columns(crops: Crops, readings: Sequence[Reading], read: ReadSample) -> bool:
    """Whether the characters of steep lines are upright, and not on their sides."""
    numbers = [n for n, reading in enumerate(readings) if page_angle.is_ideographic(reading.text)]
    if not numbers:
        return False
    tiles = [page_angle.set_level(crops[number], readings[number]) for number in numbers]
    level = read(Crops([tile.shape[:2] for tile in tiles], tiles.__getitem__))
    upright = fmean(reading.confidence for reading in level)
    return upright > fmean(readings[number].confidence for number in numbers) - page_angle.UNCLEAR


def _downwards(lines: PageLines, numbers: Sequence[int], turned: bool = False) -> Crops:
    """The crops of steep lines, to be read downwards; turned: upwards."""

    def make(place: int) -> ImageArray:
        number = numbers[place]
        falls = lines.regions[number].direction[1] > 0
        crop = lines.crops[number]
        return turn(crop) if falls == turned else crop

    return Crops([lines.crops.shapes[number] for number in numbers], make)
