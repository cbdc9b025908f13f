// Downloads that the server writes: other formats of the same result.

import { translate } from "../shared/language.js";
import { showNotice } from "../shared/notices.js";
import { download, fileName } from "./exports.js";
import { hasEdits } from "./edits.js";
import { failureText } from "./failures.js";
import { requestRendering } from "./renderings.js";
import { hidingFields } from "./request_options.js";

export class ServerExports {
  #session;
  #menu;

  constructor(session, menu) {
    this.#session = session;
    this.#menu = menu;
    for (const button of menu.querySelectorAll("[data-format]")) {
      button.addEventListener("click", () => this.#save(button));
    }
    session.on("content text", () => {
      menu.querySelector("#exports-unedited").hidden = !hasEdits(session.selected);
    });
    menu.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.#close();
    });
    document.addEventListener("click", (event) => {
      if (!menu.contains(event.target)) menu.open = false;
    });
  }

  #close() {
    this.#menu.open = false;
    this.#menu.querySelector("summary").focus();
  }

  async #save(button) {
    const { selected: image, threshold } = this.#session;
    const { format, extension } = button.dataset;
    button.disabled = true;
    try {
      const file = await requestRendering(image, { format, ...hidingFields(threshold) });
      download(file, fileName(image.name, extension));
      if (format !== "image" && !hasEdits(image)) image.isSaved = true;
      showNotice(translate("downloaded"), button);
    } catch (failure) {
      showNotice(failureText(failure, image.file.size), button);
    } finally {
      button.disabled = false;
    }
  }
}
