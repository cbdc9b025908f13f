// Sends the pictures of the session: a few at once, and politely again where the server says when.

import { upload, UploadFailure } from "./upload.js";

export const AT_ONCE = 4;
export const RETRIES = 4;
const LONGEST_PAUSE = 60;

export class UploadQueue {
  #session;
  #maxBytes;
  #waiting = [];
  #running = new Map(); // picture -> what cancels it

  constructor(session, maxBytes) {
    this.#session = session;
    this.#maxBytes = maxBytes;
  }

  add(files) {
    for (const picture of this.#session.add(files)) this.#enter(picture);
    this.#next();
  }

  cancel(picture) {
    const running = this.#running.get(picture);
    if (running) {
      running.abort();
    } else if (this.#waiting.includes(picture)) {
      this.#waiting = this.#waiting.filter((other) => other !== picture);
      this.#fail(picture, new UploadFailure("cancelled"));
    }
  }

  cancelAll() {
    for (const picture of [...this.#waiting, ...this.#running.keys()]) this.cancel(picture);
  }

  // pastCache: the server reads it anew, although it may know the answer.
  again(picture, pastCache = false) {
    if (this.#running.has(picture) || this.#waiting.includes(picture)) return;
    this.#enter(picture, pastCache);
    this.#next();
  }

  get isBusy() {
    return this.#running.size + this.#waiting.length > 0;
  }

  #enter(picture, pastCache = false) {
    const fresh = { state: "waiting", sent: 0, attempt: 0, failure: null, answer: null, pastCache };
    this.#session.change(picture, fresh);
    if (this.#maxBytes && picture.file.size > this.#maxBytes) {
      this.#fail(picture, new UploadFailure("file_too_large"));
    } else if (!picture.file.size) {
      this.#fail(picture, new UploadFailure("missing_file"));
    } else {
      this.#waiting.push(picture);
    }
  }

  #next() {
    while (this.#waiting.length && this.#running.size < AT_ONCE) this.#run(this.#waiting.shift());
  }

  // A picture that pauses keeps its place, so that a busy server is not asked by the others instead.
  async #run(picture) {
    const abort = new AbortController();
    this.#running.set(picture, abort);
    try {
      this.#session.change(picture, {
        state: "done",
        ...(await this.#read(picture, abort.signal)),
      });
    } catch (failure) {
      this.#fail(picture, failure);
    } finally {
      this.#running.delete(picture);
      this.#next();
    }
  }

  async #read(picture, signal) {
    for (;;) {
      this.#session.change(picture, { state: "sending", sent: 0 });
      try {
        return await upload(picture.file, {
          signal,
          pastCache: picture.pastCache,
          onSent: (sent) => this.#sent(picture, sent),
        });
      } catch (failure) {
        if (!mayRetry(failure) || picture.attempt >= RETRIES) throw failure;
        await this.#pause(picture, Math.min(failure.retryAfter, LONGEST_PAUSE), failure, signal);
      }
    }
  }

  #sent(picture, sent) {
    if (sent < 1) this.#session.change(picture, { sent });
    else if (picture.state === "sending") this.#session.change(picture, { sent, state: "reading" });
  }

  async #pause(picture, seconds, failure, signal) {
    const attempt = picture.attempt + 1;
    for (let left = Math.max(1, Math.ceil(seconds)); left > 0; left -= 1) {
      const change = { secondsLeft: left, attempt, failure };
      this.#session.change(
        picture,
        picture.state === "pausing" ? change : { state: "pausing", ...change },
      );
      await oneSecond(signal);
    }
  }

  #fail(picture, failure) {
    const known =
      failure instanceof UploadFailure
        ? failure
        : new UploadFailure("page_failed", { detail: String(failure) });
    const state = known.code === "cancelled" ? "cancelled" : "failed";
    this.#session.change(picture, { state, failure: known });
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
