// Downloads that the server writes: other formats of the same result.

import { translate } from "../shared/language.js";
import { showNotice } from "../shared/notices.js";
import { download, fileName } from "./exports.js";
import { hasEdits } from "./edits.js";
import { failureText } from "./failures.js";
import { listenForMenu } from "./menu.js";
import { requestRendering } from "./renderings.js";
import { hidingFields } from "./request_options.js";

export class ServerExports {
  #session;

  constructor(session, menu) {
    this.#session = session;
    for (const button of menu.querySelectorAll("[data-format]")) {
      button.addEventListener("click", () => this.#save(button));
    }
    session.on("content text", () => {
      menu.querySelector("#exports-unedited").hidden = !hasEdits(session.selected);
    });
    session.on("selected", () => {
      menu.querySelector("[data-format=image]").hidden = Boolean(session.selected?.document);
    });
    listenForMenu(menu);
  }

  async #save(button) {
    const { selected: image, threshold } = this.#session;
    const { format, extension } = button.dataset;
    button.disabled = true;
    try {
      const file = await requestRendering(image, { format, ...hidingFields(threshold) });
      download(file, fileName(image.name, extension, image.number));
      if (format !== "image" && !hasEdits(image)) image.isSaved = true;
      showNotice(translate("downloaded"), button);
    } catch (failure) {
      showNotice(failureText(failure, image.file.size), button);
    } finally {
      button.disabled = false;
    }
  }
}
