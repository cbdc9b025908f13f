"""Which characters form a word."""

from __future__ import annotations

import pytest

from ocr_engine.stages.words import split_words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        ("   ", []),
        ("OPEN EVERY DAY", ["OPEN", "EVERY", "DAY"]),
        ("  two\u3000spaces ", ["two", "spaces"]),
        ("don't stop, it's 3,000.50!", ["don't", "stop,", "it's", "3,000.50!"]),
        ("(see VGG-16) a@b.example", ["(see", "VGG-16)", "a@b.example"]),
        ("北门书店", ["北", "门", "书", "店"]),
        ("第3章 Python编程", ["第", "3", "章", "Python", "编", "程"]),
        ("合计￥88.50元", ["合", "计", "￥88.50", "元"]),
        ("价格:12.5元", ["价", "格", ":", "12.5", "元"]),
        ("多少？！12", ["多", "少", "？", "！", "12"]),
        ("上午9点，开门。", ["上", "午", "9", "点", "，", "开", "门", "。"]),
        ("见(Figure 3)中", ["见", "(Figure", "3)", "中"]),
        ("他说“好”。", ["他", "说", "“", "好", "”", "。"]),
        ("省略……号", ["省", "略", "……", "号"]),
        ("ひらカタｶﾅ", ["ひ", "ら", "カ", "タ", "ｶ", "ﾅ"]),
        ("１２３ＡＢ", ["１２３ＡＢ"]),
        ("한국어 단어", ["한국어", "단어"]),
        ("Grüße, naïve café", ["Grüße,", "naïve", "café"]),
        ("𠀀x", ["𠀀", "x"]),
    ],
)
def test_split_words(text: str, words: list[str]) -> None:
    spans = split_words(text)
    assert [text[start:end] for start, end in spans] == words
    assert "".join(words) == "".join(text.split())


def test_characters_of_several_code_points_stay_whole() -> None:
    assert split_words(["e\u0301", "t", "e\u0301", " ", "书"]) == [(0, 3), (4, 5)]
