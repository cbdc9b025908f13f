// Pages as images, which the server draws: small ones for the strip, large ones for the sheet.

import { askFor } from "./documents.js";

const SMALL = { side: 240, most: 400 };
const LARGE = { side: 2000, most: 12 };
const MOST_AT_ONCE = 3;
const MOST_ATTEMPTS = 4;

// The images of one size, as addresses of blobs; the least recently used are dropped.
class PageImages {
  #size;
  #known = new Map(); // page -> address

  constructor(size) {
    this.#size = size;
  }

  known(page) {
    return this.#known.get(page) ?? null;
  }

  async load(page, signal) {
    const blob = this.#known.has(page) ? null : await image(page, this.#size.side, signal);
    // It may have been loaded twice: an address that is shown is not replaced.
    const address = this.#known.get(page) ?? URL.createObjectURL(blob);
    this.#keep(page, address);
    return address;
  }

  #keep(page, address) {
    this.#known.delete(page); // then it is the last one
    this.#known.set(page, address);
    if (this.#known.size > this.#size.most) this.#drop(this.#known.keys().next().value);
  }

  #drop(page) {
    const address = this.#known.get(page);
    if (address) URL.revokeObjectURL(address);
    this.#known.delete(page);
  }
}

export const smallImages = new PageImages(SMALL);
export const largeImages = new PageImages(LARGE);

let running = 0;
const waiting = []; // functions; the latest is first, as it is what the user looks at

async function image(page, side, signal) {
  if (running >= MOST_AT_ONCE) await new Promise((resolve) => waiting.unshift(resolve));
  running += 1;
  try {
    return await fetchImage(page, side, signal);
  } finally {
    running -= 1;
    waiting.shift()?.();
  }
}

async function fetchImage(page, side, signal) {
  for (let attempt = 1; ; attempt += 1) {
    signal?.throwIfAborted();
    try {
      const answer = await askFor(page.document, `/pages/${page.number}?side=${side}`, { signal });
      return await answer.blob();
    } catch (failure) {
      const isBusy = [429, 503].includes(failure.status) && failure.retryAfter !== null;
      if (!isBusy || attempt >= MOST_ATTEMPTS) throw failure;
      await new Promise((resolve) => setTimeout(resolve, failure.retryAfter * 1000));
    }
  }
}
