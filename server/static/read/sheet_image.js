// The image on the sheet: of an image from its file, of a page from the server.

import { isDocument } from "./documents.js";
import { largeImages, smallImages } from "./page_images.js";

const PAUSE_MS = 120; // while pages are turned quickly

export class SheetImage {
  #image;
  #own = ""; // an address that nobody else uses
  #loading = new AbortController();

  // image: the <img>. It gets an "error" event for what cannot be shown.
  constructor(image) {
    this.#image = image;
  }

  show(item) {
    this.#loading.abort();
    this.#loading = new AbortController();
    if (this.#own) URL.revokeObjectURL(this.#own);
    this.#own = "";
    this.#image.alt = item?.name ?? "";
    if (item?.document) this.#showPage(item, this.#loading.signal);
    else if (item && !isDocument(item)) this.#showFile(item.file);
    else this.#image.removeAttribute("src");
  }

  #showFile(file) {
    this.#own = URL.createObjectURL(file);
    this.#image.src = this.#own;
  }

  // A small image first, if there is one.
  async #showPage(page, signal) {
    const known = largeImages.known(page);
    const first = known ?? smallImages.known(page);
    if (first) this.#image.src = first;
    else this.#image.removeAttribute("src");
    if (known) return;
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    if (signal.aborted) return;
    try {
      const address = await largeImages.load(page, signal);
      if (!signal.aborted) this.#image.src = address;
    } catch {
      if (!signal.aborted && !first) this.#image.dispatchEvent(new Event("error"));
    }
  }
}
