// Downloads that the server writes: other formats of the same result.

import { callApi, errorBody } from "../shared/api.js";
import { element } from "../shared/elements.js";
import { onLanguage, translate } from "../shared/language.js";
import { showNotice } from "../shared/notices.js";
import { download, fileName } from "./exports.js";
import { isEdited } from "./edits.js";
import { failureText } from "./failures.js";
import { addressWith, optionFields } from "./request_options.js";

// Formats of the API, and the extensions of their files.
const FORMATS = { markdown: "md", hocr: "hocr", tsv: "tsv", alto: "alto.xml", image: "boxes.png" };

export class ServerExports {
  #session;
  #menu;
  #buttons = new Map();
  #note;

  constructor(session, menu) {
    this.#session = session;
    this.#menu = menu;
    this.#note = menu.querySelector("#exports-unedited");
    const list = menu.querySelector("#server-exports");
    for (const [format, extension] of Object.entries(FORMATS)) {
      const button = element("button", { type: "button", id: `export-${format}` });
      button.addEventListener("click", () => this.#save(format, extension, button));
      this.#buttons.set(format, button);
      list.append(button);
    }
    session.on("content text", () => this.#draw());
    onLanguage(() => this.#draw());
    menu.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.#close();
    });
    document.addEventListener("click", (event) => {
      if (!menu.contains(event.target)) menu.open = false;
    });
  }

  #draw() {
    for (const [format, button] of this.#buttons) button.textContent = translate(`export_${format}`);
    this.#note.hidden = !this.#session.selected?.answer?.data.lines.some(isEdited);
  }

  #close() {
    this.#menu.open = false;
    this.#menu.querySelector("summary").focus();
  }

  async #save(format, extension, button) {
    const image = this.#session.selected;
    const fields = { ...optionFields(image.answeredOptions), format };
    if (this.#session.threshold > 0) fields.drop_score = this.#session.threshold;
    button.disabled = true;
    try {
      const headers = { "Content-Type": "application/octet-stream" };
      const answer = await callApi(addressWith(fields), { method: "POST", headers, body: image.file });
      if (answer.ok) {
        download(await answer.blob(), fileName(image.name, extension));
        if (format !== "image" && !image.answer.data.lines.some(isEdited)) image.isSaved = true;
        showNotice(translate("downloaded"), button);
      } else {
        const { code = "unexpected_answer", message } = await errorBody(answer);
        showNotice(failureText({ code, detail: message }, image.file.size), button);
      }
    } catch {
      showNotice(translate("error_network"), button);
    } finally {
      button.disabled = false;
    }
  }
}
