"""Running text in columns: with headings across them, insets, captions and lists."""

from __future__ import annotations

from hard_set.words import Random, chance, integer, pick
from layout_set.looks import Look, any_look
from layout_set.sheet import Sheet, block, document
from layout_set.texts import LANGUAGES, Language, paragraph, title

_CSS = """
.title { font-size: 1.7em; font-weight: bold; line-height: 1.3; margin: 0.4em 0 0.8em; }
.section { font-size: 1.2em; font-weight: bold; line-height: 1.3; margin: 0.7em 0 0.45em;
    break-after: avoid; break-inside: avoid; }
.across { column-span: all; margin: 1.1em 0 0.7em; font-size: 1.4em; font-weight: bold;
    line-height: 1.3; }
.header { font-size: 0.8em; display: flex; justify-content: space-between; margin-bottom: 1.6em; }
.footer { font-size: 0.8em; text-align: center; }
.inset { border: 1px solid #555; padding: 0.8em; margin: 1em 0; font-size: 0.88em;
    break-inside: avoid; }
.inset p { text-indent: 0; }
.plate { break-inside: avoid; margin: 0.9em 0; }
.caption { font-size: 0.84em; line-height: 1.35; margin-top: 0.5em; }
.item { text-indent: -1.7em; padding-left: 1.7em; margin-bottom: 0.35em; }
.item.inner { margin-left: 1.7em; }
"""
_MIN_LINES = 9  # of a column of a section: fewer look like a row


def draw_columns(random: Random, number: int, columns: int) -> Sheet:
    """A page of running text in one, two or three columns."""
    page = _Page(random, number, columns)
    room = page.look.capacity(page.column, page.text_height) * columns
    share = 1.2 if chance(random, 0.6) else float(random.uniform(0.5, 0.9))
    parts: list[str] = []
    written = 0
    while written < room * share:
        if parts and chance(random, 0.2):
            parts.append(page.section())
        parts.append(page.paragraph())
        written += len(parts[-1])
    return page.sheet("".join(parts))


def draw_headings(random: Random, number: int) -> Sheet:
    """Two or three columns with headings, and sometimes a first paragraph, across them."""
    columns = 2 + number // len(LANGUAGES) % 2
    page = _Page(random, number, columns)
    least = page.look.capacity(page.column, page.line * _MIN_LINES) * columns
    parts: list[str] = []
    for place in range(int(random.integers(2, 5))):
        if place or chance(random, 0.5):
            parts.append(block("title", title(random, page.language), "h2", "across"))
        elif chance(random, 0.6):
            text = paragraph(random, page.language, least // 3)
            parts.append(block("text", text, style="column-span: all; margin-bottom: 1em"))
        parts.append(page.paragraphs(int(least * float(random.uniform(1, 2)))))
    return page.sheet("".join(parts), high=False)


def draw_insets(random: Random, number: int) -> Sheet:
    """A box inside a column, a box across the columns, or a narrow column of its own."""
    kind = number // len(LANGUAGES) % 3
    page = _Page(random, number, 1 if kind == 2 else 2)
    room = page.look.capacity(page.column, page.text_height) * page.columns
    head = block("title", title(random, page.language), "h3", "", "font-weight: bold")
    box = f'<div class="inset">{head}{page.paragraphs(room // 12)}</div>'
    if kind == 0:
        first, rest = page.paragraphs(room // 4), page.paragraphs(room // 2)
        return page.sheet(first + box + rest)
    if kind == 1:
        return page.sheet(page.paragraphs(int(room * 0.6)), below=box, high=False)
    side = f'<div class="inset">{head}{page.paragraphs(room // 8)}</div>'
    return page.sheet(page.paragraphs(int(room * 0.5)), side=side, high=False)


def draw_captions(random: Random, number: int) -> Sheet:
    """Columns with images that have captions, inside a column or across all of them."""
    page = _Page(random, number, 1 + number // len(LANGUAGES) % 3)
    room = page.look.capacity(page.column, page.text_height) * page.columns
    parts = [page.plate(1, True)] if page.columns > 1 and chance(random, 0.4) else []
    for place in range(2, 2 + page.columns + int(random.integers(0, 2))):
        parts.append(page.paragraphs(int(room * 0.5 / page.columns)))
        parts.append(page.plate(place, False))
    parts.append(page.paragraphs(int(room * 0.5 / page.columns)))
    return page.sheet("".join(parts))


def draw_lists(random: Random, number: int) -> Sheet:
    """Numbered and bulleted items, some of them inside others, between paragraphs."""
    page = _Page(random, number, 1 + number // len(LANGUAGES) % 2)
    room = page.look.capacity(page.column, page.text_height) * page.columns
    parts: list[str] = []
    written = 0
    while written < room:
        parts += [page.paragraphs(90), *page.items()]
        written = sum(map(len, parts))
    return page.sheet("".join(parts))


class _Page:
    """The measures of a page, and its parts."""

    def __init__(self, random: Random, number: int, columns: int) -> None:
        self.random = random
        self.columns = columns
        self.language: Language = LANGUAGES[number % len(LANGUAGES)]
        self.look: Look = any_look(random, self.language, 17, 24 if columns < 3 else 20)
        self.width = int(random.integers(1050, 1350)) + 100 * (columns - 1)
        self.height = int(self.width * float(random.uniform(1.15, 1.42)))
        self.margin = int(random.integers(60, 120))
        self.gutter = self.look.size * float(random.uniform(1.3, 3))
        self.ruled = chance(random, 0.2)

    @property
    def line(self) -> float:
        """The height of a line in pixels."""
        return self.look.size * self.look.leading

    @property
    def text_height(self) -> float:
        """The height of the columns, where the page has a fixed height."""
        return self.height - 2.0 * self.margin - 7 * self.line

    @property
    def column(self) -> float:
        """The width of a column."""
        width = self.width - 2 * self.margin - (self.columns - 1) * self.gutter
        return width / self.columns

    def paragraph(self) -> str:
        """A paragraph of two to about nine lines."""
        characters = self.look.capacity(self.column, self.line)
        lines = float(self.random.uniform(2, 9))
        return block("text", paragraph(self.random, self.language, int(characters * lines)))

    def paragraphs(self, characters: int) -> str:
        """Paragraphs of about so many characters together."""
        parts: list[str] = []
        while sum(map(len, parts)) < characters:
            parts.append(self.paragraph())
        return "".join(parts)

    def section(self) -> str:
        """A heading inside a column."""
        text = title(self.random, self.language)
        if chance(self.random, 0.5):
            text = f"{integer(self.random, 1)}.{integer(self.random, 1)} {text}"
        return block("title", text, "h2", "section")

    def plate(self, place: int, across: bool) -> str:
        """An image with a caption below it."""
        height = int(self.random.integers(110, 260))
        tone = int(self.random.integers(120, 215))
        name = pick(self.random, ("Figure", "Fig.") if self.language == "en" else ("图", "图"))
        length = int(self.random.integers(12, 70))
        text = f"{name} {place}. {paragraph(self.random, self.language, length)}"
        shape = (
            f'<div style="height: {height}px; background: rgb({tone},{tone},{tone - 30})"></div>'
        )
        style = ' style="column-span: all"' if across else ""
        return f'<div class="plate"{style}>{shape}{block("caption", text, "p", "caption")}</div>'

    def items(self) -> list[str]:
        """The items of a list."""
        random = self.random
        marks = pick(random, ("1.", "1)", "(1)", "•", "–", "a.", "1、"))
        characters = self.look.capacity(self.column, self.line)
        found = []
        for place in range(1, int(random.integers(3, 7))):
            letter = "abcdefgh"[place - 1]
            mark = marks.replace("1", str(place)).replace("a", letter)
            lines = float(random.uniform(0.3, 2.6))
            text = paragraph(random, self.language, int(characters * lines))
            inner = place > 1 and chance(random, 0.2)
            css_class = "item inner" if inner else "item"
            found.append(block("list", f"{'•' if inner else mark} {text}", "p", css_class))
        return found

    def sheet(self, text: str, below: str = "", side: str = "", high: bool = True) -> Sheet:
        """The page with this text in its columns; high: it has a fixed height."""
        random = self.random
        head = block("title", title(random, self.language, 18), "h1", "title")
        header = ""
        if chance(random, 0.4):
            names = [title(random, self.language, 10), integer(random, 3)]
            spans = "".join(block("header", name, "span") for name in names)
            header = f'<div class="header" data-row>{spans}</div>'
        footer = block("footer", f"- {integer(random, 3)} -", "p", "footer")
        centred = "text-align: center" if chance(random, 0.5) else ""
        css = (
            f"{self.look.css()}{_CSS} h1 {{ {centred} }}"
            f"#page {{ padding: {self.margin}px; }}"
            f"#columns {{ columns: {self.columns}; column-gap: {self.gutter:.0f}px;"
            f" column-rule: {'1px solid #777' if self.ruled else 'none'}; }}"
            f"#side {{ display: flex; gap: {self.gutter:.0f}px; }}"
            "#side > #columns { flex: 1 1 0; }"
            "#side > .inset { flex: 0 0 28%; border: 0; background: #eee; }"
        )
        style = f' style="height: {self.text_height:.0f}px; overflow: hidden"' if high else ""
        columns = f'<div id="columns" data-clip{style}>{text}</div>'
        if side:
            columns = f'<div id="side">{columns}{side}</div>'
        body = f'<div id="page">{header}{head}{columns}{below}<br>{footer}</div>'
        height = self.height if high else 0
        return Sheet(document(body, css, self.language), self.width, height)
