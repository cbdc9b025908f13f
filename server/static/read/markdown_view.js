// The Markdown of a result, which the server writes without recognizing the image again.

import { onLanguage } from "../shared/language.js";
import { hasEdits } from "./edits.js";
import { failureText } from "./failures.js";
import { requestRendering } from "./renderings.js";
import { hidingFields } from "./request_options.js";

const PAUSE_MS = 150; // while a slider is being moved
const NOTHING = { image: null, source: "", failure: null };

export class MarkdownView {
  #session;
  #byId;
  #onChange;
  #shown = NOTHING;
  #wanted = ""; // the answer, and the confidence, of what is shown or being loaded
  #loading = new AbortController();

  // onChange is called when `source` has changed.
  constructor(session, root, onChange) {
    this.#session = session;
    this.#byId = (name) => root.querySelector(`#markdown-${name}`);
    this.#onChange = onChange;
    this.#byId("again").addEventListener("click", () => {
      this.#wanted = "";
      this.draw();
    });
    onLanguage(() => this.#show(this.#shown));
  }

  get source() {
    return this.#shown.source;
  }

  // Loads the Markdown of the selected image, unless it is shown already.
  draw() {
    const { selected: image, threshold } = this.#session;
    this.#byId("unedited").hidden = !hasEdits(image);
    if (!image?.answer) return;
    const wanted = `${image.answer.request_id} ${threshold}`;
    if (wanted === this.#wanted) return;
    this.#wanted = wanted;
    this.#load(image, hidingFields(threshold));
  }

  async #load(image, fields) {
    this.#loading.abort();
    this.#loading = new AbortController();
    const { signal } = this.#loading;
    if (image !== this.#shown.image) this.#show(NOTHING);
    else await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    if (signal.aborted) return;
    try {
      const file = await requestRendering(image, { format: "markdown", ...fields }, signal);
      const source = await file.text();
      if (!signal.aborted) this.#show({ image, source, failure: null });
    } catch (failure) {
      if (!signal.aborted) this.#show({ image, source: "", failure });
    }
  }

  #show(shown) {
    const { image, source, failure } = shown;
    this.#shown = shown;
    this.#byId("loading").hidden = image !== null;
    this.#byId("source").textContent = source;
    this.#byId("failed").hidden = !failure;
    this.#byId("failure").textContent = failure ? failureText(failure, image.file.size) : "";
    this.#onChange();
  }
}
