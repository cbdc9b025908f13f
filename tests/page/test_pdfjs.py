"""Copying from a searchable PDF in pdf.js, as in Firefox, gives the text as it was read."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, Route

from ocr_engine.result import Block
from ocr_engine.result import Page as ReadPage
from pdfjs import NoPdfjs, find_pdfjs
from tests.support.text_layers import HEIGHT, WIDTH, chars_line, pdf_of, words_line

ADDRESS = "http://localhost/"
CHINESE = ["海风书店每天十点到二十点开门，", "周一休息。第3页 共40页ABC公司", "𠮷野家欢迎您！"]
ENGLISH = ["The quick brown fox jumps over", "the lazy dog (illimitable fun),", "and so on."]

VIEWER = """
<!DOCTYPE html><meta charset="utf-8">
<div id="layer" style="position:absolute; left:0; top:0"></div><textarea id="pasted"></textarea>
<script type="module">
  import * as pdfjs from "/pdf.min.mjs";
  pdfjs.GlobalWorkerOptions.workerSrc = "/pdf.worker.min.mjs";
  const pdf = await pdfjs.getDocument({ url: "/made.pdf" }).promise;
  const page = await pdf.getPage(1);
  const container = document.getElementById("layer");
  const layer = new pdfjs.TextLayer({
    textContentSource: await page.getTextContent(),
    container,
    viewport: page.getViewport({ scale: 1 }),
  });
  await layer.render();
  const spans = [...container.querySelectorAll("span")].filter((each) => each.textContent.trim());
  window.select = (first, last) => {
    const starts = spans.find((each) => each.textContent.startsWith(first));
    const ends = spans.findLast((each) => each.textContent.endsWith(last));
    getSelection().setBaseAndExtent(starts.firstChild, 0, ends.firstChild, ends.textContent.length);
  };
  document.body.dataset.ready = "yes";
</script>
"""


@pytest.fixture
def viewer(browser: Browser) -> Iterator[Page]:
    """A page in a context of its own."""
    context = browser.new_context()
    yield context.new_page()
    context.close()


def opened(viewer: Page, pdf: bytes) -> None:
    """Open the PDF in pdf.js."""
    try:
        folder = find_pdfjs()
    except NoPdfjs as error:
        pytest.fail(str(error), pytrace=False)

    def answer(route: Route) -> None:
        name = route.request.url.removeprefix(ADDRESS)
        if not name:
            route.fulfill(body=VIEWER, content_type="text/html")
        elif name == "made.pdf":
            route.fulfill(body=pdf, content_type="application/pdf")
        elif (folder / name).is_file():
            route.fulfill(body=(folder / name).read_bytes(), content_type="text/javascript")
        else:
            route.fulfill(status=404)

    viewer.route("**/*", answer)
    viewer.goto(ADDRESS)
    viewer.locator("body[data-ready]").wait_for(state="attached", timeout=15_000)


@pytest.mark.parametrize("make", [chars_line, words_line])
@pytest.mark.parametrize("text", [CHINESE, ENGLISH], ids=["zh", "en"])
def test_a_copied_paragraph_is_the_paragraph(viewer: Page, text: list[str], make: object) -> None:
    assert make in (chars_line, words_line)
    line = chars_line if make is chars_line else words_line
    paragraph = [line(each, 60, 200 + 45 * number) for number, each in enumerate(text)]
    others = [chars_line("Before", 60, 60), chars_line("Behind", 60, 600)]
    blocks = [Block((others[0],)), Block(tuple(paragraph)), Block((others[1],))]
    opened(viewer, pdf_of(ReadPage(WIDTH, HEIGHT, tuple(blocks))))
    viewer.evaluate("([first, last]) => window.select(first, last)", [text[0][0], text[-1][-1]])
    viewer.keyboard.press("Control+C")
    viewer.locator("#pasted").focus()
    viewer.keyboard.press("Control+V")
    assert viewer.locator("#pasted").input_value().split("\n") == text
