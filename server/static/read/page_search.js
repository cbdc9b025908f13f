// Searches all pages of the shown document, also while they are being read.

import { onLanguage, translate } from "../shared/language.js";
import { folded, placesIn } from "./find_text.js";
import { NO_SEARCH } from "./session.js";

const PAUSE_MS = 120; // while the user types

export class PageSearch {
  #session;
  #field;
  #count;
  #buttons;
  #document = null;
  #timer = 0;

  constructor(session, root) {
    this.#session = session;
    this.#field = root.querySelector("#search");
    this.#count = root.querySelector("#search-count");
    this.#buttons = ["before", "after"].map((name) => root.querySelector(`#search-${name}`));
    this.#buttons[0].addEventListener("click", () => this.#go(-1));
    this.#buttons[1].addEventListener("click", () => this.#go(1));
    this.#field.addEventListener("input", () => {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#search(), PAUSE_MS);
    });
    this.#field.addEventListener("keydown", (event) => this.#onKey(event));
    session.on("selected pages", () => this.#onSelected());
    session.on("threshold", () => this.#search());
    session.on("text", () => this.#searchAgain(session.selected));
    session.on("changed", ({ image }) => {
      if (image.document === this.#document && image.state === "done") this.#searchAgain(image);
    });
    session.on("search", () => this.#draw());
    onLanguage(() => this.#draw());
  }

  #onSelected() {
    const document = this.#session.selected?.document ?? null;
    if (document === this.#document) return;
    this.#document = document;
    this.#search();
  }

  #search() {
    clearTimeout(this.#timer);
    const query = folded(this.#field.value.trim());
    const hits = new Map();
    if (query) {
      for (const page of this.#document?.pages ?? []) this.#find(page, query, hits);
    }
    if (query || this.#session.search.query) this.#session.setSearch({ ...NO_SEARCH, query, hits });
  }

  // The text of one page has changed.
  #searchAgain(page) {
    const { search } = this.#session;
    if (!search.query || !page?.document) return;
    const hits = new Map(search.hits);
    hits.delete(page);
    this.#find(page, search.query, hits);
    if (hits.size || search.hits.size) this.#session.setSearch({ ...search, hits });
  }

  #find(page, query, hits) {
    const found = [];
    for (const [line, each] of (page.answer?.data.lines ?? []).entries()) {
      if (!this.#session.isShown(each)) continue;
      for (const [start, end] of placesIn(each.text, query)) found.push({ line, start, end });
    }
    if (found.length) hits.set(page, found);
  }

  // To the next hit or the one before, around the ends of the document.
  #go(step) {
    const { search, selected } = this.#session;
    const all = (this.#document?.pages ?? []).flatMap((page) =>
      (search.hits.get(page) ?? []).map((_, index) => ({ page, index })),
    );
    if (!all.length) return;
    const { page, index } = all[nextPlace(all, search.active, selected, step)];
    this.#session.setSearch({ ...search, active: { page, index } });
    if (page !== selected) this.#session.select(page);
    this.#session.activate(search.hits.get(page)[index].line, "search");
  }

  #onKey(event) {
    if (event.isComposing) return;
    if (event.key === "Escape" && this.#field.value) {
      this.#field.value = "";
      this.#search();
    } else if (event.key === "Enter") {
      event.preventDefault();
      if (folded(this.#field.value.trim()) !== this.#session.search.query) this.#search();
      this.#go(event.shiftKey ? -1 : 1);
    }
  }

  #draw() {
    const { query, hits } = this.#session.search;
    const n = [...hits.values()].reduce((sum, found) => sum + found.length, 0);
    const words = n
      ? translate("hits_on_pages", { hits: translate("hits", { n }), n: hits.size })
      : translate("no_hits");
    this.#count.textContent = query ? words : "";
    for (const button of this.#buttons) button.disabled = !n;
  }
}

// Where to go from the active hit, or from the shown page if there is none on it.
function nextPlace(all, active, selected, step) {
  const isActive = ({ page, index }) => page === active?.page && index === active.index;
  const at = active?.page === selected ? all.findIndex(isActive) : -1;
  if (at >= 0) return (at + step + all.length) % all.length;
  const after = all.findIndex(({ page }) => page.number >= selected.number);
  if (step > 0) return Math.max(0, after);
  return (all.findLastIndex(({ page }) => page.number <= selected.number) + all.length) % all.length;
}
