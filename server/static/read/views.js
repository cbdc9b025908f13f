// The views of a result: its lines, its text and its Markdown; and the button that copies them.

import { copyText } from "../shared/clipboard.js";
import { getPreference, setPreference } from "../shared/preferences.js";
import { hasEdits } from "./edits.js";
import { filteredResult } from "./exports.js";
import { MarkdownView } from "./markdown_view.js";
import { listenForTabs } from "./tabs.js";
import { partsOf, plainText, textElements } from "./text_view.js";

export class Views {
  #session;
  #panels;
  #textPanel;
  #copyButton;
  #markdown;
  #chosen = "lines";
  #parts = []; // of the text, while it is shown

  constructor(session, root) {
    this.#session = session;
    this.#panels = [...root.querySelectorAll(".view")];
    this.#textPanel = root.querySelector("#text-view");
    this.#copyButton = root.querySelector("#copy-all");
    this.#markdown = new MarkdownView(session, root, () => this.#updateCopy());
    this.#copyButton.addEventListener("click", () => this.#copy());
    session.on("content text threshold", () => this.#draw());
    listenForTabs(root.querySelector("#views"), getPreference("view"), (view) => {
      this.#chosen = view;
      setPreference("view", view);
      this.#draw();
    });
  }

  #draw() {
    const data = this.#session.selected?.answer?.data;
    const isShown = (line) => this.#session.isShown(line);
    this.#parts = data && this.#chosen === "text" ? partsOf(data, isShown) : [];
    for (const panel of this.#panels) panel.hidden = panel.id !== `${this.#chosen}-view`;
    this.#textPanel.replaceChildren(...textElements(this.#parts));
    if (this.#chosen === "markdown") this.#markdown.draw();
    this.#updateCopy();
  }

  // The text of the chosen view.
  #text() {
    const { selected } = this.#session;
    if (!selected?.answer) return "";
    if (this.#chosen === "markdown") return this.#markdown.source;
    if (this.#chosen === "text") return plainText(this.#parts);
    return filteredResult(selected, this.#session).data.text;
  }

  async #copy() {
    const { selected } = this.#session;
    const hasAll = this.#chosen !== "markdown" || !hasEdits(selected);
    if ((await copyText(this.#text(), this.#copyButton)) && hasAll) selected.isSaved = true;
  }

  #updateCopy() {
    this.#copyButton.disabled = !this.#text();
  }
}
