// The pages of the shown document as small images. Only rows near the visible ones exist, and only
// visible ones load their image, so that a long document costs no more than a short one.

import { element } from "../shared/elements.js";
import { onLanguage, translate } from "../shared/language.js";
import { stateText } from "./result.js";
import { smallImages } from "./page_images.js";

const NARROW = matchMedia("(max-width: 720px)"); // as in page.css: then it is a row
const ROW = { tall: 148, wide: 96 }; // pixels from one page to the next, as in document.css
const SPARE = 4; // rows before and after the visible ones
const PAUSE_MS = 100; // before an image is loaded, while the user scrolls
const STEPS = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1, PageDown: 10, PageUp: -10 };

export class PageStrip {
  #session;
  #strip;
  #list;
  #document = null;
  #rows = new Map(); // page -> {row, pick, image, hits, loading}
  #visible; // observes which rows are

  constructor(session, strip, list) {
    this.#session = session;
    this.#strip = strip;
    this.#list = list;
    this.#visible = new IntersectionObserver((entries) => this.#onVisible(entries), { root: strip });
    strip.addEventListener("scroll", () => this.#draw(), { passive: true });
    new ResizeObserver(() => this.#draw()).observe(strip);
    list.addEventListener("keydown", (event) => this.#onKey(event));
    session.on("selected pages", () => this.#show());
    session.on("changed", ({ image }) => this.#drawRow(image));
    session.on("search", () => this.#drawRows());
    NARROW.addEventListener("change", () => this.#show());
    onLanguage(() => this.#drawRows());
  }

  get #size() {
    return NARROW.matches ? ROW.wide : ROW.tall;
  }

  #show() {
    const { selected } = this.#session;
    const document = selected?.document ?? null;
    if (document !== this.#document) this.#clear();
    this.#document = document;
    this.#strip.hidden = !document;
    if (!document) return;
    this.#list.style.setProperty("--length", `${document.pages.length * this.#size}px`);
    this.#reveal(selected);
    this.#draw();
  }

  #clear() {
    for (const page of [...this.#rows.keys()]) this.#remove(page);
    this.#strip.scrollTop = this.#strip.scrollLeft = 0;
  }

  // Scrolls the strip alone, which scrollIntoView() does not.
  #reveal(page) {
    const start = (page.number - 1) * this.#size;
    const side = NARROW.matches ? "scrollLeft" : "scrollTop";
    const room = NARROW.matches ? this.#strip.clientWidth : this.#strip.clientHeight;
    const at = this.#strip[side];
    if (start < at) this.#strip[side] = start;
    else if (start + this.#size > at + room) this.#strip[side] = start + this.#size - room;
  }

  // Makes the rows that are near, and removes those that are far. The selected one stays, as it is
  // the one that Tab reaches.
  #draw() {
    if (!this.#document) return;
    const at = NARROW.matches ? this.#strip.scrollLeft : this.#strip.scrollTop;
    const room = NARROW.matches ? this.#strip.clientWidth : this.#strip.clientHeight;
    const first = Math.max(0, Math.floor(at / this.#size) - SPARE);
    const last = Math.ceil((at + room) / this.#size) + SPARE;
    const wanted = new Set([...this.#document.pages.slice(first, last), this.#session.selected]);
    for (const page of [...this.#rows.keys()]) if (!wanted.has(page)) this.#remove(page);
    for (const page of wanted) if (!this.#rows.has(page)) this.#add(page);
    this.#drawRows();
  }

  #add(page) {
    const image = element("img", { alt: "", draggable: "false" });
    const number = element("span", { class: "page-number" }, String(page.number));
    const hits = element("span", { class: "badge page-hits" });
    const pick = element(
      "button",
      { type: "button", class: "page-pick", tabindex: "-1" },
      element("span", { class: "page-image" }, image),
      element("span", { class: "page-words" }, number, hits),
    );
    const places = { "aria-setsize": this.#document.pages.length, "aria-posinset": page.number };
    const row = element("li", { class: "page-row", "data-page": page.number, ...places }, pick);
    pick.addEventListener("click", () => this.#session.select(page));
    this.#rows.set(page, { row, pick, image, hits, loading: null });
    const after = [...this.#list.children].find((each) => Number(each.dataset.page) > page.number);
    this.#list.insertBefore(row, after ?? null);
    this.#visible.observe(row);
  }

  #remove(page) {
    const { row, loading } = this.#rows.get(page);
    loading?.abort();
    this.#visible.unobserve(row);
    row.remove();
    this.#rows.delete(page);
  }

  #drawRows() {
    for (const page of this.#rows.keys()) this.#drawRow(page);
  }

  #drawRow(page) {
    const shown = this.#rows.get(page);
    if (!shown) return;
    const { row, pick, hits, image } = shown;
    const { selected, search } = this.#session;
    const found = search.hits.get(page)?.length ?? 0;
    const isSelected = page === selected;
    row.style.setProperty("--start", `${(page.number - 1) * this.#size}px`);
    row.className = `page-row ${page.state}`;
    hits.hidden = !found && page.state !== "failed";
    hits.classList.toggle("review", page.state === "failed");
    hits.textContent = page.state === "failed" ? "!" : String(found);
    pick.setAttribute("aria-current", String(isSelected));
    pick.tabIndex = isSelected ? 0 : -1;
    image.style.rotate = `${page.options.turn ?? page.answer?.data.angle ?? 0}deg`;
    const words = [translate("page_n", { n: page.number }), summary(page)];
    if (found) words.push(translate("hits", { n: found }));
    pick.setAttribute("aria-label", words.join(translate("list_separator")));
    pick.title = words.join(" · ");
  }

  #onVisible(entries) {
    for (const { target, isIntersecting } of entries) {
      const page = this.#document?.pages[Number(target.dataset.page) - 1];
      const shown = this.#rows.get(page);
      if (!shown) continue;
      shown.loading?.abort();
      shown.loading = isIntersecting ? new AbortController() : null;
      if (isIntersecting) load(page, shown.image, shown.loading.signal);
    }
  }

  #onKey(event) {
    const { pages } = this.#document;
    const at = pages.indexOf(this.#session.selected);
    const to = { Home: 0, End: pages.length - 1 }[event.key] ?? at + (STEPS[event.key] ?? Number.NaN);
    if (Number.isNaN(to) || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    const page = pages[Math.min(pages.length - 1, Math.max(0, to))];
    this.#session.select(page);
    this.#rows.get(page).pick.focus({ preventScroll: true });
  }
}

async function load(page, image, signal) {
  const known = smallImages.known(page);
  if (!known) await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  if (signal.aborted) return;
  try {
    const address = known ?? (await smallImages.load(page, signal));
    if (!signal.aborted) image.src = address;
  } catch {
    // The server cannot draw the page, or is away: the row has its number.
  }
}

function summary(page) {
  if (page.state !== "done") return stateText(page);
  return translate("lines", { n: page.answer.data.lines.length });
}
