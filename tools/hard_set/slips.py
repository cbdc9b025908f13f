"""Things with many short texts: receipts, forms, labels of devices, lists of ids."""

from __future__ import annotations

from hard_set.sheet import Cell, Sample, Sheet, any_style
from hard_set.words import (
    Random,
    amount,
    chance,
    chinese_phrase,
    clock,
    code,
    date,
    english_phrase,
    hanzi,
    integer,
    invented_word,
    lexicon,
    person,
    pick,
)

FIELDS = lexicon("fields")
LABELS = lexicon("labels")
LETTERS = "0O1lI8B5S2Z"


def draw_receipt(random: Random, number: int) -> Sample:
    """A narrow receipt of a shop, in a mono or a Chinese face."""
    del number
    style = any_style(random, 15, 26)
    style = style._replace(latin=pick(random, ("mono", "inconsolata", "narrow", "ocr-b", "sans")))
    unit = style.size
    sheet = Sheet(26 * unit, 2600, ground=(250, 249, 244))
    shop = f"{hanzi(random, 3)}便利店" if chance(random, 0.5) else invented_word(random).upper()
    top = sheet.row(30, [Cell(7 * unit, shop, style.sized(unit * 1.6))]) + unit * 0.6
    heads = (f"TEL {code(random, 11, '0123456789')}", f"{date(random)} {clock(random)}")
    for text in (*heads, f"NO.{code(random, 12)}"):
        top = sheet.row(top, [Cell(unit, text, style)]) + unit * 0.35
    for _ in range(16):
        named = chance(random, 0.6)
        name = chinese_phrase(random, 5)[:7] if named else english_phrase(random, 12)[:14].strip()
        count = f"x{integer(random, 2)}"
        cells = [Cell(unit, name.strip("，、；"), style), Cell(13 * unit, count, style)]
        cells.append(Cell(25 * unit, amount(random, 3), style, right=True))
        top = sheet.row(top, cells) + unit * 0.35
    for text in ("小计", "优惠", "合计 TOTAL", "现金 CASH", "找零"):
        cells = [Cell(unit, text, style), Cell(25 * unit, amount(random, 4), style, right=True)]
        top = sheet.row(top, cells) + unit * 0.35
    return sheet.sample()


def draw_form(random: Random, number: int) -> Sample:
    """A form of ruled fields with names and values."""
    del number
    style = any_style(random, 16, 26)
    unit = style.size
    value = any_style(random, unit, unit + 4)
    sheet = Sheet(46 * unit, 2600)
    title = f"{chinese_phrase(random, 5)[:8].strip('，、；')}登记表"
    top = sheet.row(34, [Cell(17 * unit, title, style.sized(unit * 1.5))]) + unit
    for _ in range(18):
        sheet.line(unit, top - unit * 0.5, 45 * unit, top - unit * 0.5, (90, 90, 96))
        cells = []
        for x in (2, 24):
            cells.append(Cell(x * unit, pick(random, FIELDS), style))
            cells.append(Cell((x + 7) * unit, _value(random), value))
        top = sheet.row(top, cells) + unit
    sheet.line(unit, top - unit * 0.5, 45 * unit, top - unit * 0.5, (90, 90, 96))
    for x in (1, 8, 23, 30, 45):
        sheet.line(x * unit, 34 + 2.5 * unit, x * unit, top - unit * 0.5, (90, 90, 96))
    return sheet.sample()


def draw_label(random: Random, number: int) -> Sample:
    """The label of a device: a large brand, then small serials and notes."""
    del number
    dark = chance(random, 0.35)
    ground, ink = ((38, 40, 44), (214, 214, 208)) if dark else ((226, 228, 226), (30, 30, 34))
    big = any_style(random, 34, 54)
    small = any_style(random, 12, 19)
    sheet = Sheet(int(random.integers(760, 1000)), 1600, ground, ink)
    top = sheet.row(24, [Cell(40, invented_word(random).upper(), big)]) + 14
    half = sheet.width / 2
    for _ in range(15):
        texts = (_marking(random), _marking(random))
        cells = [Cell(x, text, small) for x, text in zip((40, half), texts, strict=True)]
        top = sheet.row(top, cells) + small.size * 0.55
    if chance(random, 0.6):
        x = 40.0
        while x < sheet.width - 60:
            bar = float(random.integers(2, 6))
            sheet.fill(x, top + 4, x + bar, top + 44, ink)
            x += bar + float(random.integers(2, 6))
        top += 50
        serial = " ".join(code(random, 4) for _ in range(4))
        top = sheet.row(top, [Cell(60, serial, small)]) + small.size * 0.55
    for _ in range(4):
        note = chinese_phrase(random, 22) if chance(random, 0.5) else english_phrase(random, 50)
        top = sheet.row(top, [Cell(40, note, small)]) + small.size * 0.5
    return sheet.sample()


def draw_ids(random: Random, number: int) -> Sample:
    """Ids of easily confused characters, in faces that tell them apart and in others."""
    del number
    style = any_style(random, 18, 32)
    mono = pick(random, ("mono", "mono-bold", "mono-liberation", "inconsolata", "ocr-b", "dejavu"))
    style = style._replace(latin=mono)
    sheet = Sheet(46 * style.size, 2600)
    top = 36.0
    for _ in range(20):
        cells = []
        for x in (2, 17, 32):
            cells.append(Cell(x * style.size, _identifier(random), style))
        top = sheet.row(top, cells) + style.size * 0.8
    return sheet.sample()


def _identifier(random: Random) -> str:
    kind = random.random()
    if kind < 0.3:
        return code(random, int(random.integers(6, 13)))
    if kind < 0.5:
        return "-".join(code(random, 4) for _ in range(3))
    if kind < 0.7:
        return code(random, int(random.integers(6, 12)), "0123456789abcdefABCDEF")
    if kind < 0.85:
        return invented_word(random)[:6] + code(random, 4, LETTERS)
    return ":".join(code(random, 2, "0123456789ABCDEF") for _ in range(6))


def _marking(random: Random) -> str:
    kind = random.random()
    if kind < 0.6:
        return f"{pick(random, LABELS)}: {code(random, int(random.integers(5, 15)))}"
    if kind < 0.8:
        return f"{integer(random, 3)}V~{integer(random, 2)}Hz {amount(random, 1)}A"
    return f"生产日期 {date(random)}"


def _value(random: Random) -> str:
    kind = random.random()
    if kind < 0.25:
        return code(random, int(random.integers(6, 12)))
    if kind < 0.45:
        return date(random)
    if kind < 0.6:
        return amount(random)
    if kind < 0.8:
        return person(random)
    return chinese_phrase(random, 7)[:10].strip("，、；")
