// The languages that the server reads, asked for when somebody wants to see them.

import { callApi } from "../shared/api.js";
import { language, onLanguage, translate } from "../shared/language.js";

export class Languages {
  #details;
  #list;
  #codes = null;

  constructor(details, list) {
    this.#details = details;
    this.#list = list;
    details.addEventListener("toggle", () => details.open && this.#ask());
    onLanguage(() => this.#draw());
  }

  async #ask() {
    if (this.#codes) return;
    try {
      const answer = await callApi("languages");
      if (answer.ok) this.#codes = (await answer.json()).languages.map(({ code }) => code);
    } catch {
      // shown as unknown; the next click asks again
    }
    this.#draw();
  }

  #draw() {
    if (!this.#details.open) return;
    if (!this.#codes?.length) {
      this.#list.textContent = translate("languages_unknown");
      return;
    }
    const names = new Intl.DisplayNames([language()], { type: "language" });
    const sorted = this.#codes.map((code) => names.of(code));
    sorted.sort(new Intl.Collator(language()).compare);
    this.#list.textContent = sorted.join(translate("list_separator"));
  }
}
