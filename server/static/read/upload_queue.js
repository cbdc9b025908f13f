// Sends the images of the session: a few at once, and politely again where the server says when.

import { upload, UploadFailure } from "./upload.js";

export const AT_ONCE = 4;
export const RETRIES = 4;
const LONGEST_PAUSE = 60;

export class UploadQueue {
  #session;
  #maxBytes;
  #waiting = [];
  #running = new Map(); // image -> what cancels it

  constructor(session, maxBytes) {
    this.#session = session;
    this.#maxBytes = maxBytes;
  }

  add(files) {
    for (const image of this.#session.add(files)) this.#enter(image);
    this.#next();
  }

  cancel(image) {
    const running = this.#running.get(image);
    if (running) {
      running.abort();
    } else if (this.#waiting.includes(image)) {
      this.#waiting = this.#waiting.filter((other) => other !== image);
      this.#fail(image, new UploadFailure("cancelled"));
    }
  }

  cancelAll() {
    for (const image of [...this.#waiting, ...this.#running.keys()]) this.cancel(image);
  }

  // pastCache: the server reads it anew, although it may know the answer.
  again(image, pastCache = false) {
    if (this.#running.has(image) || this.#waiting.includes(image)) return;
    this.#enter(image, pastCache);
    this.#next();
  }

  get isBusy() {
    return this.#running.size + this.#waiting.length > 0;
  }

  #enter(image, pastCache = false) {
    const fresh = { state: "waiting", sent: 0, attempt: 0, failure: null, answer: null, pastCache };
    this.#session.change(image, fresh);
    if (this.#maxBytes && image.file.size > this.#maxBytes) {
      this.#fail(image, new UploadFailure("file_too_large"));
    } else if (!image.file.size) {
      this.#fail(image, new UploadFailure("missing_file"));
    } else {
      this.#waiting.push(image);
    }
  }

  #next() {
    while (this.#waiting.length && this.#running.size < AT_ONCE) this.#run(this.#waiting.shift());
  }

  // An image that pauses keeps its place, so that a busy server is not asked by the others instead.
  async #run(image) {
    const abort = new AbortController();
    this.#running.set(image, abort);
    try {
      this.#session.change(image, {
        state: "done",
        ...(await this.#read(image, abort.signal)),
      });
    } catch (failure) {
      this.#fail(image, failure);
    } finally {
      this.#running.delete(image);
      this.#next();
    }
  }

  async #read(image, signal) {
    for (;;) {
      this.#session.change(image, { state: "sending", sent: 0 });
      try {
        return await upload(image.file, {
          signal,
          pastCache: image.pastCache,
          onSent: (sent) => this.#sent(image, sent),
        });
      } catch (failure) {
        if (!mayRetry(failure) || image.attempt >= RETRIES) throw failure;
        await this.#pause(image, Math.min(failure.retryAfter, LONGEST_PAUSE), failure, signal);
      }
    }
  }

  #sent(image, sent) {
    if (sent < 1) this.#session.change(image, { sent });
    else if (image.state === "sending") this.#session.change(image, { sent, state: "reading" });
  }

  async #pause(image, seconds, failure, signal) {
    const attempt = image.attempt + 1;
    for (let left = Math.max(1, Math.ceil(seconds)); left > 0; left -= 1) {
      const change = { secondsLeft: left, attempt, failure };
      this.#session.change(
        image,
        image.state === "pausing" ? change : { state: "pausing", ...change },
      );
      await oneSecond(signal);
    }
  }

  #fail(image, failure) {
    const known =
      failure instanceof UploadFailure
        ? failure
        : new UploadFailure("page_failed", { detail: String(failure) });
    const state = known.code === "cancelled" ? "cancelled" : "failed";
    this.#session.change(image, { state, failure: known });
  }
}

function mayRetry(failure) {
  return [429, 503].includes(failure.status) && failure.retryAfter !== null;
}

function oneSecond(signal) {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(new UploadFailure("cancelled"));
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", stop);
      resolve();
    }, 1000);
    signal.addEventListener("abort", stop, { once: true });
  });
}
