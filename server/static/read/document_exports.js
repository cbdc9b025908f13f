// Downloads of a whole document: text and JSON with the edits, other formats from the server.

import { translate } from "../shared/language.js";
import { showNotice } from "../shared/notices.js";
import { askFor, wholeOf } from "./documents.js";
import { download, fileName, filteredResult } from "./exports.js";
import { failureText } from "./failures.js";
import { listenForMenu } from "./menu.js";
import { addressWith, hidingFields } from "./request_options.js";

const PAGE_BREAK = "\f"; // as in the server's text

export class DocumentExports {
  #session;

  constructor(session, menu) {
    this.#session = session;
    listenForMenu(menu);
    for (const button of menu.querySelectorAll("[data-format]")) {
      button.addEventListener("click", () => this.#save(button));
    }
  }

  async #save(button) {
    const document = wholeOf(this.#session.selected);
    const { format, extension } = button.dataset;
    button.disabled = true;
    try {
      download(await this.#file(document, format), fileName(document.name, extension));
      for (const page of document.pages) page.isSaved ||= format !== "pdf" && page.history.length === 0;
      showNotice(translate("downloaded"), button);
    } catch (failure) {
      showNotice(failureText(failure, document.file.size), button);
    } finally {
      button.disabled = false;
    }
  }

  async #file(document, format) {
    if (format === "text") return new Blob([this.#text(document)], { type: "text/plain;charset=utf-8" });
    if (format === "json") return new Blob([this.#json(document)], { type: "application/json" });
    const fields = { format, ...hidingFields(this.#session.threshold) };
    const answer = await askFor(document, addressWith("/ocr", fields), { method: "POST" });
    return answer.blob();
  }

  #text({ pages }) {
    const texts = pages.map((page) => (page.answer ? filteredResult(page, this.#session).data.text : ""));
    return `${texts.join(PAGE_BREAK)}\n`;
  }

  // As the server writes it, with the edits.
  #json({ name, kept, pages }) {
    const data = pages.map((page) => this.#pageJson(page));
    const text = data.map((page) => page.text ?? "").join(PAGE_BREAK);
    const result = {
      file: name,
      md5: kept?.md5 ?? pages.find(({ answer }) => answer)?.answer.md5,
      min_confidence: this.#session.threshold,
      data: { page_count: pages.length, pages: data, text },
    };
    return `${JSON.stringify(result, null, 2)}\n`;
  }

  #pageJson(page) {
    if (page.answer) return { page: page.number, ...filteredResult(page, this.#session).data };
    const { code, detail } = page.failure ?? { code: page.state, detail: "" };
    return { page: page.number, error: { code, message: detail } };
  }
}
