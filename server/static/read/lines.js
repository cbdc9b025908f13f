// The list of text lines: keyboard navigation, copying, editing, and highlighting in sync with the
// image.

import { copyText } from "../shared/clipboard.js";
import { element, moveClass } from "../shared/elements.js";
import { icon } from "../shared/icons.js";
import { onLanguage, percent, translate } from "../shared/language.js";
import { editLine, isEdited, undo } from "./edits.js";
import { confidenceLevel } from "./image_layers.js";
import { openLineEditor } from "./line_editor.js";

const STEPS = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10 };

export class LineList {
  #session;
  #list;
  #empty;
  #active = -1; // the lines that are marked now
  #hovered = -1;
  #tabStop = -1; // the line that Tab reaches

  constructor(session, list, empty) {
    this.#session = session;
    this.#list = list;
    this.#empty = empty;
    list.addEventListener("keydown", (event) => this.#onKey(event));
    list.addEventListener("pointerover", (event) => session.hover(lineIndex(event.target), "list"));
    list.addEventListener("pointerleave", () => session.hover(-1, "list"));
    list.addEventListener("focusin", (event) => this.#onFocus(event));
    list.addEventListener("click", (event) => {
      const line = lineIndex(event.target);
      if (line >= 0 && line !== session.activeLine) session.activate(line, "list");
    });
    list.addEventListener("dblclick", (event) => {
      if (event.target.closest(".line-text")) this.#edit(lineIndex(event.target));
    });
    session.on("content text", () => this.#draw());
    session.on("line", (how) => this.#highlight(how));
    session.on("threshold", () => this.#filter());
    onLanguage(() => this.#draw());
  }

  #lines() {
    return this.#session.selected?.answer?.data.lines ?? [];
  }

  #draw() {
    const hadFocus = this.#list.contains(document.activeElement);
    this.#active = this.#hovered = this.#tabStop = -1;
    this.#list.replaceChildren(...this.#lines().map((line, index) => this.#row(line, index)));
    this.#filter();
    if (hadFocus) this.#list.querySelector('[tabindex="0"]')?.focus({ preventScroll: true });
  }

  #row(line, index) {
    const level = confidenceLevel(line.confidence);
    const confidence = percent(line.confidence);
    const isUnread = line.script === "unsupported";
    const reviewMark =
      level === "low" || isUnread
        ? element("span", { class: "badge review" }, icon("warning"), translate(isUnread ? "unsupported" : "review"))
        : null;
    const text = element("span", { class: "line-text" });
    text.textContent = line.text;
    const edited = isEdited(line)
      ? element("span", { class: "badge edited", title: line.original }, translate(line.text ? "edited" : "left_out"))
      : null;
    const label = translate("confidence_is", { percent: confidence });
    return element(
      "li",
      { class: `line ${level}`, "data-line": index, "aria-current": "false", tabindex: "-1" },
      text,
      element(
        "span",
        { class: "line-side" },
        edited ?? reviewMark,
        element(
          "span",
          { class: "confidence", title: label },
          element("span", { class: "hidden-text" }, `${label} `),
          element("span", { "aria-hidden": "true" }, confidence),
        ),
        lineButton("edit", translate("edit_line"), () => this.#edit(index)),
        lineButton("copy", translate("copy_line"), (button) => copyText(line.text, button)),
      ),
    );
  }

  #edit(index) {
    const image = this.#session.selected;
    const row = this.#list.children[index];
    if (row.querySelector(".line-field")) return;
    if (index !== this.#session.activeLine) this.#session.activate(index, "list");
    const isShown = () => this.#session.selected === image && this.#list.children[index];
    openLineEditor(
      row.querySelector(".line-text"),
      this.#lines()[index].text,
      (text) => editLine(this.#session, image, index, text),
      () => {
        // A click elsewhere has already moved the focus.
        if (isShown() && document.activeElement === document.body) this.#list.children[index].focus();
      },
    );
  }

  #filter() {
    const lines = this.#lines();
    let shown = 0;
    for (const [index, line] of lines.entries()) {
      const visible = this.#session.isShown(line);
      this.#list.children[index].hidden = !visible;
      shown += visible;
    }
    const image = this.#session.selected;
    this.#empty.hidden = !image?.answer || shown > 0;
    this.#empty.textContent = translate(lines.length ? "all_below_minimum" : "no_text");
    this.#highlight({});
  }

  #highlight({ from, hovering }) {
    const { activeLine, hoveredLine } = this.#session;
    const rows = this.#list.children;
    moveClass(rows, "hovered", this.#hovered, hoveredLine);
    this.#hovered = hoveredLine;
    if (!hovering) this.#markActive(rows, activeLine);
    if (from === "image") scrollToRow(rows[hoveredLine >= 0 ? hoveredLine : activeLine]);
  }

  // Roving tabindex: one row is in the tab order, arrow keys move to the others.
  #markActive(rows, line) {
    setActive(rows[this.#active], false);
    setActive(rows[line], true);
    this.#active = line;
    setTabStop(rows[this.#tabStop], false);
    this.#tabStop = rows[line]?.hidden === false ? line : [...rows].findIndex((row) => !row.hidden);
    setTabStop(rows[this.#tabStop], true);
  }

  #onFocus(event) {
    const line = lineIndex(event.target);
    if (line >= 0 && line !== this.#session.activeLine) this.#session.activate(line, "list");
  }

  #onKey(event) {
    const rows = [...this.#list.children].filter((row) => !row.hidden);
    const at = rows.indexOf(event.target.closest("li"));
    if (at < 0 || event.altKey) return;
    if (event.ctrlKey || event.metaKey) {
      this.#onShortcut(event, rows[at]);
      return;
    }
    if (event.key === "F2" || (event.key === "Enter" && event.target === rows[at])) {
      event.preventDefault();
      this.#edit(lineIndex(rows[at]));
      return;
    }
    const to =
      { Home: 0, End: rows.length - 1 }[event.key] ?? at + (STEPS[event.key] ?? Number.NaN);
    if (Number.isNaN(to)) return;
    event.preventDefault();
    rows[Math.min(rows.length - 1, Math.max(0, to))].focus();
  }

  #onShortcut(event, row) {
    if (event.key === "c" && getSelection().isCollapsed) {
      event.preventDefault();
      row.querySelector(".copy").click();
    } else if (event.key === "z") {
      event.preventDefault();
      undo(this.#session, this.#session.selected);
    }
  }
}

// name: of the icon and the class.
function lineButton(name, label, act) {
  const attributes = { type: "button", class: `quiet small ${name}`, "aria-label": label, title: label, tabindex: "-1" };
  const button = element("button", attributes, icon(name));
  button.addEventListener("click", () => act(button));
  return button;
}

function setActive(row, isActive) {
  if (!row) return;
  row.classList.toggle("active", isActive);
  row.setAttribute("aria-current", String(isActive));
  for (const button of row.querySelectorAll("button")) button.tabIndex = isActive ? 0 : -1;
}

function setTabStop(row, isStop) {
  if (row) row.tabIndex = isStop ? 0 : -1;
}

// Scrolls only the list, not the page, which matters on phones.
function scrollToRow(row) {
  if (!row) return;
  const view = row.closest(".view");
  const { top, bottom } = row.getBoundingClientRect();
  const room = view.getBoundingClientRect();
  if (top < room.top) view.scrollTop -= room.top - top;
  else if (bottom > room.bottom) view.scrollTop += bottom - room.bottom;
}

function lineIndex(target) {
  return Number(target.closest("li")?.dataset.line ?? -1);
}
