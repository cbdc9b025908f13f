"""The views of a result: lines, text and Markdown; what they show, copy and ask the server for."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Request, Route, expect

from tests.page.conftest import Visit, payload
from tests.page.scripted import ScriptedLine, made_image, rectangle, rows, scene
from tests.page.test_edit import edit
from tests.page.test_look import EVERY_WIDTH, violations
from tests.page.test_result import CLIPBOARD, HOSTILE
from tests.support.live_server import LiveServer
from tests.support.made_pages import RENDERED

MARKDOWN = {tuple(given): text for given, text in RENDERED}["--format", "markdown"]
RAINED = "It rained all the mor-"
PARAGRAPHS = [
    "A Trip # 1",
    "It rained all the morning, and then",
    "我们到了北门。",
    "• bread\n• 2 * butter",
    "Item\tPrice\nmilk\ta|b",
    "- 7 -",
]
MIXED = [
    ScriptedLine("certain", 0.99, rectangle(20, 40, 300, 30)),
    ScriptedLine("likely", 0.85, rectangle(20, 90, 300, 30)),
    ScriptedLine("doubtful", 0.55, rectangle(20, 140, 300, 30)),
]


def choose(page: Page, view: str) -> None:
    """Choose a view of the result."""
    page.locator("#views").get_by_role("tab", name=view).click()


def copied(page: Page) -> str:
    """What `Copy all` copies."""
    page.locator("#copy-all").click()
    expect(page.locator("#notice.shown")).to_have_text("Copied")
    text: str = page.evaluate("() => navigator.clipboard.readText()")
    return text


def requests_of(page: Page) -> list[Request]:
    """The requests from now on, except those of the browser for its own data."""
    sent: list[Request] = []
    page.on("request", lambda each: None if each.url.startswith("blob:") else sent.append(each))
    return sent


@pytest.fixture
def made(visit: Callable[..., Visit]) -> Page:
    """The page with a result that has titles, columns, a list and a table."""
    here = visit(**CLIPBOARD)
    here.read(made_image("page"))
    return here.page


def test_text_has_titles_paragraphs_lists_and_tables(made: Page) -> None:
    choose(made, "Text")
    panel = made.get_by_role("tabpanel", name="Text")
    expect(panel.get_by_role("heading", level=3)).to_have_text("A Trip # 1")
    expect(panel.locator("p")).to_have_text([PARAGRAPHS[1], PARAGRAPHS[2], "- 7 -"])
    expect(panel.locator("p").last).to_have_class("footer")
    expect(panel.get_by_role("listitem")).to_have_text(["• bread", "• 2 * butter"])
    expect(panel.get_by_role("columnheader")).to_have_text(["Item", "Price"])
    expect(panel.get_by_role("cell")).to_have_text(["milk", "a|b"])


def test_the_copied_text_has_blank_lines_between_paragraphs(made: Page) -> None:
    choose(made, "Text")
    assert copied(made) == "\n\n".join(PARAGRAPHS)


def test_the_text_is_what_the_server_writes(made: Page, page_server: LiveServer) -> None:
    fields = {"format": "text", "text": "paragraphs"}
    reply = page_server.upload(made_image("page"), path="/ocr", **fields)
    choose(made, "Text")
    assert copied(made).replace("\n\n", "\n") == reply.body.decode().rstrip("\n")


def test_cells_over_several_rows_and_columns(here: Visit) -> None:
    here.read(made_image("spans"))
    choose(here.page, "Text")
    table = here.page.locator("#text-view table")
    assert table.locator("th, td").evaluate_all(
        "all => all.map(each => [each.textContent, each.rowSpan, each.colSpan])"
    ) == [
        ["Fares & <fees>", 1, 3],
        ["adults and children", 2, 1],
        ["3,50", 1, 1],
        ["", 1, 1],
        ["4,00", 1, 1],
        ["", 1, 1],
    ]


def test_markdown_is_what_the_server_writes(made: Page) -> None:
    sent = requests_of(made)
    choose(made, "Markdown")
    expect(made.locator("#markdown-source")).to_have_text(MARKDOWN)
    assert copied(made) == MARKDOWN
    assert [each.method for each in sent] == ["GET"], "nothing is recognized again"


def test_views_ask_for_nothing_twice(made: Page) -> None:
    sent = requests_of(made)
    for view in ("Markdown", "Text", "Lines", "Markdown"):
        choose(made, view)
        expect(made.get_by_role("tabpanel", name=view)).to_be_visible()
        if view == "Markdown":
            expect(made.locator("#markdown-source")).to_have_text(MARKDOWN)
    assert len(sent) == 1


def test_an_image_whose_result_is_gone_is_sent_again(here: Visit, page_server: LiveServer) -> None:
    here.failed_loads_expected = True
    page = here.page
    with page.expect_response("**/ocr?*") as response:
        here.read(scene(rows("kept for a while")))
    erased = page_server.request("DELETE", f"/results/{response.value.json()['md5']}")
    assert erased.status == 204
    sent = requests_of(page)
    choose(page, "Markdown")
    expect(page.locator("#markdown-source")).to_have_text("kept for a while\n")
    assert [each.method for each in sent] == ["GET", "POST"]


def test_hidden_lines_are_in_no_view(visit: Callable[..., Visit]) -> None:
    here = visit(**CLIPBOARD)
    page = here.page
    here.read(scene(MIXED))
    choose(page, "Text")
    expect(page.locator("#text-view p")).to_have_text("certain likely doubtful")
    page.locator("#minimum-confidence").fill("80")
    expect(page.locator("#text-view p")).to_have_text("certain likely")
    choose(page, "Markdown")
    expect(page.locator("#markdown-source")).to_have_text("certain likely\n")
    page.locator("#minimum-confidence").fill("90")
    expect(page.locator("#markdown-source")).to_have_text("certain\n")
    page.locator("#minimum-confidence").fill("100")
    expect(page.locator("#lines-empty")).to_contain_text("below the minimum confidence")
    expect(page.locator("#copy-all")).to_be_disabled()


def test_the_slider_begins_where_the_server_drops_lines(here: Visit) -> None:
    here.read(scene([*MIXED, ScriptedLine("noise", 0.3, rectangle(20, 190, 300, 30))]))
    slider = here.page.locator("#minimum-confidence")
    expect(slider).to_have_attribute("min", "50")
    expect(slider).to_have_value("50")
    expect(here.page.locator("#line-count")).to_contain_text("3 lines")


def test_text_has_what_is_typed_for_a_line_that_could_not_be_read(here: Visit) -> None:
    unread = ScriptedLine("", 0.2, rectangle(20, 90, 300, 30), "unsupported")
    here.read(scene([unread, MIXED[0], unread, MIXED[1]]))
    for place, text in ((0, "first"), (2, "third")):  # there is no text that can be clicked
        row = here.page.locator("#lines li").nth(place)
        row.hover()
        row.get_by_role("button", name="Edit line").click()
        here.page.get_by_role("textbox", name="Text of the line").fill(text)
        here.page.keyboard.press("Enter")
    choose(here.page, "Text")
    expect(here.page.locator("#text-view p")).to_have_text("first certain third likely")
    expect(here.page.locator("#advice")).not_to_contain_text("cannot be read")


@pytest.mark.parametrize(
    ("line", "edited", "paragraph"),
    [
        (RAINED, "It snowed all the mor-", "It snowed all the morning, and then"),
        (RAINED, "It snowed,", "It snowed, ning, and then"),
        (RAINED, "", "ning, and then"),
        ("ning, and then", "ning. Later", "It rained all the morning. Later"),
        ("ning, and then", "", RAINED[:-1]),
    ],
)
def test_text_has_the_edits(made: Page, line: str, edited: str, paragraph: str) -> None:
    shown = made.locator("#lines li .line-text").all_inner_texts()
    edit(made, shown.index(line), edited)
    choose(made, "Text")
    expect(made.locator("#text-view p").first).to_have_text(paragraph)
    assert copied(made) == "\n\n".join([PARAGRAPHS[0], paragraph, *PARAGRAPHS[2:]])


def test_text_has_the_edits_of_cells(made: Page) -> None:
    shown = made.locator("#lines li .line-text").all_inner_texts()
    edit(made, shown.index("milk"), "oat milk")
    choose(made, "Text")
    expect(made.get_by_role("cell")).to_have_text(["oat milk", "a|b"])
    made.get_by_role("button", name="Undo", exact=True).click()
    expect(made.get_by_role("cell")).to_have_text(["milk", "a|b"])


def test_markdown_says_that_it_has_no_edits(made: Page) -> None:
    choose(made, "Markdown")
    expect(made.locator("#markdown-unedited")).to_be_hidden()
    choose(made, "Lines")
    edit(made, 0, "A Journey")
    choose(made, "Markdown")
    expect(made.locator("#markdown-unedited")).to_contain_text("Your edits are in Lines and Text")
    expect(made.locator("#markdown-source")).to_have_text(MARKDOWN)


def test_recognized_text_is_text_in_every_view(here: Visit) -> None:
    page = here.page
    here.read(scene([ScriptedLine(HOSTILE)]))
    choose(page, "Text")
    expect(page.locator("#text-view")).to_have_text(HOSTILE)
    choose(page, "Markdown")
    expect(page.locator("#markdown-source")).to_contain_text("onerror")
    assert page.locator("main img[src=x], main script").count() == 0
    assert page.title() == "OCR"


def test_another_image_shows_its_own_markdown(here: Visit) -> None:
    page = here.page
    here.read(scene(rows("one")), scene(rows("two")))
    choose(page, "Markdown")
    expect(page.locator("#markdown-source")).to_have_text("one\n")
    held: list[Route] = []
    page.route("**/results/*", lambda route: held.append(route))
    with page.expect_request("**/results/*"):
        page.get_by_role("button", name="image-2.png").first.click()
    expect(page.locator("#markdown-source")).to_have_text("")
    expect(page.locator("#copy-all")).to_be_disabled()
    held[0].continue_()
    expect(page.locator("#markdown-source")).to_have_text("two\n")


def test_a_failure_says_why_and_can_be_tried_again(here: Visit) -> None:
    here.failed_loads_expected = True
    page = here.page
    here.read(scene(rows("in the end")))

    def refuse(route: Route) -> None:
        route.fulfill(status=429, headers={"Retry-After": "30"}, body="<h1>A proxy</h1>")

    page.route("**/results/*", refuse, times=1)
    choose(page, "Markdown")
    expect(page.locator("#markdown-failure")).to_contain_text("Too many requests in a short time")
    expect(page.locator("#markdown-failure")).to_contain_text("in 30 sec")
    page.locator("#markdown-view").get_by_role("button", name="Try again").click()
    expect(page.locator("#markdown-source")).to_have_text("in the end\n")
    expect(page.locator("#markdown-failure")).to_be_hidden()


def test_the_chosen_view_is_remembered(made: Page) -> None:
    choose(made, "Text")
    made.reload()
    made.set_input_files("#choose-input", [payload("next.png", scene(rows("next")))])
    expect(made.locator("#text-view p")).to_have_text("next")
    expect(made.locator("#lines-view")).to_be_hidden()


def test_views_by_keyboard(made: Page) -> None:
    tab = {name: made.get_by_role("tab", name=name) for name in ("Lines", "Text", "Markdown")}
    tab["Lines"].focus()
    for key, chosen in [("ArrowRight", "Text"), ("End", "Markdown"), ("ArrowRight", "Markdown"),
                        ("Home", "Lines"), ("ArrowRight", "Text")]:  # fmt: skip
        made.keyboard.press(key)
        expect(tab[chosen]).to_be_focused()
        expect(tab[chosen]).to_have_attribute("aria-selected", "true")
        expect(made.get_by_role("tabpanel")).to_have_count(1)
        expect(made.get_by_role("tabpanel", name=chosen)).to_be_visible()
    assert [each.get_attribute("tabindex") for each in tab.values()] == ["-1", "0", "-1"]
    for _ in range(3):
        made.keyboard.press("Tab")
        if made.locator("#text-view").evaluate("each => each === document.activeElement"):
            break
    expect(made.locator("#text-view")).to_be_focused()


def test_views_in_chinese(visit: Callable[..., Visit]) -> None:
    here = visit(locale="zh-CN")
    here.read(made_image("page"))
    for name, panel in [("全文", "#text-view"), ("Markdown", "#markdown-view"), ("逐行", "#lines")]:
        here.page.get_by_role("tab", name=name).click()
        expect(here.page.locator(panel)).to_be_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
@EVERY_WIDTH
def test_axe_finds_no_serious_violations_in_any_view(
    visit: Callable[..., Visit], theme: str, size: dict[str, object]
) -> None:
    here = visit(color_scheme=theme, **size)
    here.failed_loads_expected = True
    page = here.page
    here.read(made_image("page"))
    edit(page, 0, "A Journey")
    choose(page, "Text")
    assert violations(page) == []
    page.route("**/results/*", lambda route: route.abort("connectionrefused"), times=1)
    choose(page, "Markdown")
    expect(page.locator("#markdown-failure")).to_contain_text("Cannot reach the server")
    assert violations(page) == []
    page.locator("#markdown-again").click()
    expect(page.locator("#markdown-source")).to_have_text(MARKDOWN)
    assert violations(page) == []


def test_a_wide_table_does_not_widen_the_page(here: Visit) -> None:
    cells = [
        ScriptedLine("some words", 0.98, rectangle(20 + 200 * column, 40 + 40 * row, 150, 24))
        for row in range(4)
        for column in range(6)
    ]
    here.read(scene(cells, width=2600, height=300, laid_out=True))
    choose(here.page, "Text")
    expect(here.page.locator("#text-view td")).to_have_count(24)
    for width in (320, 390, 820, 1280):
        here.page.set_viewport_size({"width": width, "height": 700})
        assert here.page.evaluate("() => document.documentElement.scrollWidth") <= width
