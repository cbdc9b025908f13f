// Above a document: which page is shown, going to another one, and how many are read.

import { onLanguage, translate } from "../shared/language.js";
import { FINISHED } from "./session.js";

const STEPS = { PageUp: -1, PageDown: 1 };

export class PageBar {
  #session;
  #byId;

  constructor(session, root) {
    this.#session = session;
    this.#byId = (name) => root.querySelector(`#${name}`);
    const field = this.#byId("page-number");
    this.#byId("page-before").addEventListener("click", () => this.#go(-1));
    this.#byId("page-after").addEventListener("click", () => this.#go(1));
    field.addEventListener("change", () => this.#goTo(field.valueAsNumber));
    field.addEventListener("focus", () => field.select());
    this.#byId("viewport").addEventListener("keydown", (event) => {
      if (!(event.key in STEPS) || !this.#page) return;
      event.preventDefault();
      this.#go(STEPS[event.key]);
    });
    session.on("selected pages", () => this.#draw());
    session.on("changed", ({ image }) => {
      if (image === this.#page?.document) this.#drawProgress();
    });
    onLanguage(() => this.#draw());
  }

  // The shown page; null if that is no page of a document.
  get #page() {
    const { selected } = this.#session;
    return selected?.document ? selected : null;
  }

  #go(step) {
    this.#goTo(this.#page.number + step);
  }

  // A number that no page has is the nearest one.
  #goTo(number) {
    const { pages } = this.#page.document;
    const wanted = Number.isFinite(number) ? Math.round(number) : this.#page.number;
    const page = pages[Math.min(pages.length, Math.max(1, wanted)) - 1];
    if (page === this.#page) this.#draw();
    else this.#session.select(page);
  }

  #draw() {
    const page = this.#page;
    this.#byId("page-bar").hidden = !page;
    if (!page) return;
    const { length } = page.document.pages;
    const field = this.#byId("page-number");
    field.max = length;
    field.value = page.number;
    this.#byId("page-count").textContent = translate("of_pages", { n: length });
    this.#byId("page-before").disabled = page.number === 1;
    this.#byId("page-after").disabled = page.number === length;
    this.#drawProgress();
  }

  #drawProgress() {
    const { document } = this.#page;
    const bar = this.#byId("page-progress");
    bar.hidden = FINISHED.includes(document.state);
    bar.max = document.pages.length;
    bar.value = document.finished;
    const words = translate("pages_read", { n: document.pages.length, finished: document.finished });
    bar.setAttribute("aria-label", words);
  }
}
