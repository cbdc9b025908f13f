"""How the text of a page is set: its fonts, size, leading, and what separates its paragraphs."""

from __future__ import annotations

from dataclasses import dataclass

from hard_set.words import Random, chance, pick
from layout_set.texts import Language, width_of

CHINESE = (
    "Noto Sans CJK SC",
    "Noto Serif CJK SC",
    "AR PL SungtiL GB",
    "AR PL KaitiM GB",
    "AR PL UMing CN",
    "WenQuanYi Zen Hei",
)
UPRIGHT = CHINESE[:-1]  # in vertical columns the last one overlaps
JAPANESE = ("Noto Sans CJK JP", "Noto Serif CJK JP")
LATIN = (
    "Liberation Serif",
    "Liberation Sans",
    "DejaVu Sans",
    "DejaVu Serif",
    "Lato",
    "Linux Libertine O",
)


@dataclass(frozen=True, slots=True)
class Look:
    """Sizes in pixels. indent: of the first line of a paragraph; gap: between paragraphs."""

    language: Language
    family: str
    size: int
    leading: float
    indent: float
    gap: float
    justified: bool

    def css(self) -> str:
        """The style of the body and of its paragraphs."""
        align = "justify" if self.justified else "left"
        return (
            f"body {{ font: {self.size}px/{self.leading:.2f} {self.family}; }}"
            f"p {{ text-indent: {self.indent:.0f}px; margin-bottom: {self.gap:.0f}px;"
            f" text-align: {align}; }}"
        )

    def capacity(self, width: float, height: float) -> int:
        """About how many characters fill this area."""
        em = self.size * width_of(self.language)
        return int(width * height / (em * self.size * self.leading))


def any_look(random: Random, language: Language, low: int = 17, high: int = 25) -> Look:
    """A random look with a font size from low to high."""
    size = int(random.integers(low, high + 1))
    indented = chance(random, 0.55 if language == "en" else 0.8)
    indent = size * (float(random.uniform(1.2, 2)) if language == "en" else 2)
    spaced = not indented or chance(random, 0.3)
    return Look(
        language,
        any_family(random, language),
        size,
        float(random.uniform(1.25, 1.6) if language == "en" else random.uniform(1.4, 1.8)),
        indent if indented else 0,
        size * float(random.uniform(0.6, 1.1)) if spaced else 0,
        chance(random, 0.7),
    )


def upright_family(random: Random, language: Language) -> str:
    """The value of font-family for vertical columns."""
    return f"'{pick(random, JAPANESE if language == 'ja' else UPRIGHT)}'"


def any_family(random: Random, language: Language) -> str:
    """The value of font-family, with Latin letters first if the text has both."""
    latin, chinese = pick(random, LATIN), pick(random, CHINESE)
    return f"'{latin}', '{chinese}'" if language != "zh" else f"'{chinese}'"
