"""Numbers in columns: tables of digits, order lists, bank statements, lab reports."""

from __future__ import annotations

from hard_set.sheet import Cell, Sample, Sheet, Style, any_style
from hard_set.words import (
    UNITS,
    Random,
    amount,
    chance,
    chinese_phrase,
    clock,
    code,
    date,
    hanzi,
    integer,
    person,
    pick,
)

RULE = (150, 150, 158)


def draw_numbers(random: Random, number: int) -> Sample:
    """A table of numbers with 1 to 6 digits, with or without rules."""
    del number
    style = any_style(random, 14, 34)
    columns = int(random.integers(5, 10))
    step = style.size * float(random.uniform(4.6, 6.5))
    rows = 18 + int(random.integers(0, 12))
    height = style.size * float(random.uniform(1.5, 2.4))
    sheet = Sheet(round(step * columns) + 60, round(height * rows) + 80)
    ruled, right = chance(random, 0.5), chance(random, 0.5)
    for row in range(rows):
        top = 40 + row * height
        if ruled:
            sheet.line(24, top - height * 0.2, sheet.width - 24, top - height * 0.2, RULE)
        cells = []
        for column in range(columns):
            x = 40 + column * step + (step - style.size if right else 0)
            cells.append(Cell(x, _figure(random), style, right))
        sheet.row(top, cells)
    return sheet.sample()


def draw_orders(random: Random, number: int) -> Sample:
    """A list of orders: position, code, name, quantity, price, sum."""
    del number
    style = any_style(random, 16, 26)
    unit = style.size
    places = (2, 4, 13, 27, 33, 41, 50)
    sheet = Sheet(60 * unit, 2600)
    heads = ("#", "编号", "品名", "数量", "单价", "金额", "日期")
    heads = heads if chance(random, 0.5) else ("No", "Item", "Name", "Qty", "Price", "Sum", "Date")
    top = _headed(sheet, style, places, heads)
    for row in range(1, 21):
        texts = (
            str(row),
            code(random, 8),
            chinese_phrase(random, 5)[:8],
            integer(random, 3),
            amount(random, 3),
            amount(random, 5),
            date(random)[:10],
        )
        top = _table_row(sheet, style, places, texts, top)
    return sheet.sample()


def draw_statement(random: Random, number: int) -> Sample:
    """A bank statement."""
    del number
    style = any_style(random, 14, 22)
    places = (2, 10, 17, 35, 44, 54)
    sheet = Sheet(63 * style.size, 2600)
    top = sheet.row(
        30, [Cell(40, f"{hanzi(random, 2)}银行 账户明细", style.sized(style.size * 1.6))]
    )
    holder = f"户名 {person(random)}"
    account = " ".join(code(random, 4, "0123456789") for _ in range(5))
    top = sheet.row(top + 16, [Cell(40, holder, style), Cell(26 * style.size, account, style)])
    heads = ("日期", "时间", "摘要", "收支", "余额", "流水号")
    top = _headed(sheet, style, places, heads, top + 20)
    for _ in range(20):
        sign = pick(random, "+-")
        texts = (
            date(random)[:10].replace("年", "-").replace("月", "-").replace("日", ""),
            clock(random)[:5],
            chinese_phrase(random, 6)[:9],
            sign + amount(random, 5),
            amount(random, 6),
            code(random, 10, "0123456789"),
        )
        top = _table_row(sheet, style, places, texts, top)
    return sheet.sample()


def draw_lab(random: Random, number: int) -> Sample:
    """A laboratory report: name, short name, result with an arrow letter, unit, range."""
    del number
    style = any_style(random, 15, 24)
    places = (2, 14, 22, 29, 38, 46)
    sheet = Sheet(52 * style.size, 2600)
    top = sheet.row(
        30, [Cell(60, f"{hanzi(random, 3)}医院 检验报告单", style.sized(style.size * 1.5))]
    )
    fields = (
        f"姓名：{hanzi(random, 3)}",
        f"年龄：{integer(random, 2)}岁",
        f"样本号：{code(random, 9)}",
    )
    cells = [Cell(60 + i * 16 * style.size, text, style) for i, text in enumerate(fields)]
    top = sheet.row(top + 16, cells)
    heads = ("项目", "缩写", "结果", "单位", "参考范围", "方法")
    top = _headed(sheet, style, places, heads, top + 20)
    for _ in range(20):
        low = float(random.uniform(0, 50))
        high = low + float(random.uniform(0.5, 60))
        digits = int(random.integers(0, 3))
        value = float(random.uniform(low * 0.7, high * 1.2))
        texts = (
            chinese_phrase(random, 4)[:7].strip("，、；"),
            code(random, int(random.integers(2, 6)), "ABCDEFGHIKLMNOPRSTUV"),
            f"{value:.{digits}f}" + pick(random, ("", "", " H", " L")),
            pick(random, UNITS),
            f"{low:.{digits}f}-{high:.{digits}f}",
            pick(random, ("速率法", "比色法", "免疫法", "ELISA", "PCR")),
        )
        top = _table_row(sheet, style, places, texts, top)
    return sheet.sample()


def _figure(random: Random) -> str:
    """A number; sometimes a part of a sum, a percentage, or negative."""
    kind = random.random()
    if kind < 0.8:
        return integer(random, 6)
    if kind < 0.9:
        return amount(random, 2)
    return f"{integer(random, 2)}%" if kind < 0.95 else f"-{integer(random, 4)}"


def _headed(
    sheet: Sheet, style: Style, places: tuple[int, ...], heads: tuple[str, ...], top: float = 40
) -> float:
    cells = [Cell(x * style.size, text, style) for x, text in zip(places, heads, strict=False)]
    if len(heads) > len(places):
        raise ValueError("more heads than places")
    bottom = sheet.row(top, cells)
    sheet.line(30, bottom + 5, sheet.width - 30, bottom + 5, RULE)
    return bottom + 12


def _table_row(
    sheet: Sheet, style: Style, places: tuple[int, ...], texts: tuple[str, ...], top: float
) -> float:
    cells = [Cell(x * style.size, text, style) for x, text in zip(places, texts, strict=True)]
    return sheet.row(top, cells) + style.size * 0.7
