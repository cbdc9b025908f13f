// How the shown image is read: the threshold of detection, and the request as a curl command.

import { copyText } from "../shared/clipboard.js";
import { onKey } from "../shared/api_key.js";
import { number, onLanguage } from "../shared/language.js";
import { BOX_THRESHOLD } from "./limits.js";
import { curlCommand } from "./request_options.js";

export class Reading {
  #session;
  #slider;
  #value;
  #curl;

  constructor(session, queue, root) {
    this.#session = session;
    const byId = (name) => root.querySelector(`#${name}`);
    this.#slider = byId("box-threshold");
    this.#value = byId("box-threshold-value");
    this.#curl = byId("request-curl");
    this.#slider.addEventListener("input", () => this.#showThreshold());
    this.#slider.addEventListener("change", () => {
      queue.readAgain(session.selected, { boxThreshold: Number(this.#slider.value) });
    });
    const copy = byId("copy-curl");
    copy.addEventListener("click", () => copyText(this.#curl.textContent, copy));
    session.on("selected options", () => this.#draw());
    session.on("threshold", () => this.#drawCurl());
    onKey(() => this.#drawCurl());
    onLanguage(() => this.#draw());
  }

  #draw() {
    const { selected } = this.#session;
    if (!selected) return;
    this.#slider.value = selected.options.boxThreshold ?? BOX_THRESHOLD;
    this.#showThreshold();
    this.#drawCurl();
  }

  #drawCurl() {
    const { selected, threshold } = this.#session;
    if (selected) this.#curl.textContent = curlCommand(selected, threshold);
  }

  #showThreshold() {
    const shown = number(Number(this.#slider.value), 2);
    this.#value.textContent = shown;
    this.#slider.setAttribute("aria-valuetext", shown);
  }
}
