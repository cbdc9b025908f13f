// Uploads the images and documents of the session: a few concurrently, with retries after
// Retry-After, or with another API key.

import { needsKey } from "../shared/api.js";
import { anotherKey, credentials } from "../shared/key_request.js";
import { readDocument, readPage } from "./document_reader.js";
import { isDocument, wholeOf } from "./documents.js";
import { rememberEdited } from "./edits.js";
import { canTryAgain } from "./failures.js";
import { measure, refusal } from "./limits.js";
import { kindOf } from "./kinds.js";
import { optionFields } from "./request_options.js";
import { FINISHED } from "./session.js";
import { upload, UploadFailure } from "./upload.js";

export const MAX_CONCURRENT = 4;
export const MAX_RETRIES = 4;
const MAX_RETRY_SECONDS = 60;
const MAX_DOCUMENTS = 2; // concurrently, so that images need not wait for long documents
// While the server answers with these codes, it refuses every image.
const REFUSES_ALL = ["key_required", "key_invalid", "not_allowed", "quota_exceeded"];

export class UploadQueue {
  #session;
  #waiting = [];
  #running = new Map(); // image -> AbortController
  #again = new Set(); // running images that are read again with other options

  constructor(session) {
    this.#session = session;
  }

  async add(files) {
    const known = await Promise.all(
      [...files].map(async (file) => ({ file, kind: await kindOf(file) })),
    );
    for (const image of this.#session.add(known)) this.#enqueue(image);
    this.#startNext();
  }

  // An image, a document, or a page, which is cancelled with its document if that is being read.
  cancel(item) {
    const isAlone = this.#running.has(item) || this.#waiting.includes(item);
    const image = isAlone ? item : wholeOf(item);
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

  // bypassCache: recognize the image even if its answer is cached.
  retry(image, bypassCache = false) {
    if (this.#running.has(image) || this.#waiting.includes(image)) return;
    this.#enqueue(image, bypassCache);
    this.#startNext();
  }

  // Reads an image with other options, also while it is being read.
  readAgain(image, options) {
    this.#session.change(image, { options: { ...image.options, ...options } });
    if (!this.#running.has(image)) {
      this.retry(image);
      return;
    }
    this.#again.add(image);
    this.#running.get(image).abort();
  }

  // All images that failed, except those that can never be read.
  retryFailed() {
    for (const image of this.#session.images) {
      if (image.state === "failed" && canTryAgain(image)) this.retry(image);
    }
  }

  // With another API key, the server may accept the images that it refused.
  retryRefused() {
    for (const image of this.#session.images) {
      if (image.state === "failed" && REFUSES_ALL.includes(image.failure.code)) this.retry(image);
    }
  }

  get isBusy() {
    return this.#running.size + this.#waiting.length > 0;
  }

  #enqueue(image, bypassCache = false) {
    this.#session.change(image, { state: "waiting", sent: 0, attempt: 0, failure: null, bypassCache });
    for (const page of image.pages) {
      if (page.state !== "done") this.#session.change(page, { state: "waiting", failure: null });
    }
    const code = refusal(image);
    if (code) this.#fail(image, new UploadFailure(code));
    else this.#waiting.push(image);
  }

  #startNext() {
    while (this.#running.size < MAX_CONCURRENT) {
      const documents = [...this.#running.keys()].filter(isDocument).length;
      const at = this.#waiting.findIndex((item) => !isDocument(item) || documents < MAX_DOCUMENTS);
      if (at < 0) return;
      this.#process(this.#waiting.splice(at, 1)[0]);
    }
  }

  // An image that waits for a retry keeps its slot, so that others do not load the busy server.
  async #process(image) {
    const abort = new AbortController();
    this.#running.set(image, abort);
    try {
      await this.#check(image);
      const read = await this.#uploadWithRetries(image, abort.signal);
      rememberEdited(image);
      this.#session.change(image, { state: "done", isSaved: false, ...read });
    } catch (failure) {
      if (!this.#again.has(image)) this.#fail(image, failure);
      if (REFUSES_ALL.includes(failure.code)) this.#failWaiting(failure);
    } finally {
      this.#running.delete(image);
      if (this.#again.delete(image)) this.#enqueue(image);
      this.#startNext();
    }
  }

  // Throws if the image has more pixels than the server accepts.
  async #check(image) {
    if (image.kind !== "image") return;
    const pixels = image.size ?? (await measure(image.file));
    this.#session.change(image, { size: pixels });
    const code = refusal(image);
    if (code) throw new UploadFailure(code);
  }

  async #uploadWithRetries(image, signal) {
    for (;;) {
      this.#session.change(image, { state: image.document ? "recognizing" : "uploading", sent: 0 });
      const sent = credentials();
      try {
        return await this.#read(image, sent.key, signal);
      } catch (failure) {
        if (needsKey(failure.status, failure.code)) {
          this.#session.change(image, { state: "locked" });
          if (await anotherKey(sent, failure.code)) continue;
          throw failure;
        }
        if (!canRetry(failure) || image.attempt >= MAX_RETRIES) throw failure;
        await this.#waitToRetry(image, Math.min(failure.retryAfter, MAX_RETRY_SECONDS), failure, signal);
      }
    }
  }

  // Returns what changes of an image or page; the pages of a document change while it is read.
  async #read(image, key, signal) {
    const { options, bypassCache } = image;
    const onProgress = (sent) => this.#onProgress(image, sent);
    const how = { key, signal, onProgress, bypassCache };
    if (isDocument(image)) {
      await readDocument(this.#session, image, how);
      return {};
    }
    const read = image.document
      ? await readPage(image, how)
      : await upload(image.file, { ...how, fields: optionFields(options) });
    return { ...read, answeredOptions: options };
  }

  #onProgress(image, sent) {
    if (sent < 1) this.#session.change(image, { sent });
    else if (image.state === "uploading") this.#session.change(image, { sent, state: "recognizing" });
  }

  async #waitToRetry(image, seconds, failure, signal) {
    const attempt = image.attempt + 1;
    for (let left = Math.max(1, Math.ceil(seconds)); left > 0; left -= 1) {
      const change = { secondsLeft: left, attempt, failure };
      this.#session.change(
        image,
        image.state === "retrying" ? change : { state: "retrying", ...change },
      );
      await waitOneSecond(signal);
    }
  }

  #failWaiting(failure) {
    for (const image of this.#waiting.splice(0)) this.#fail(image, failure);
  }

  #fail(image, failure) {
    const known =
      failure instanceof UploadFailure
        ? failure
        : new UploadFailure("browser_failed", { detail: String(failure) });
    if (known.code === "cancelled" && image.answer) {
      this.#session.change(image, { state: "done", options: image.answeredOptions });
      return;
    }
    const state = known.code === "cancelled" ? "cancelled" : "failed";
    this.#session.change(image, { state, failure: known });
    for (const page of image.pages) {
      if (!FINISHED.includes(page.state)) this.#session.change(page, { state, failure: known });
    }
  }
}

function canRetry(failure) {
  return (
    [429, 503].includes(failure.status) &&
    failure.retryAfter !== null &&
    failure.code !== "quota_exceeded" // that lasts until midnight
  );
}

function waitOneSecond(signal) {
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
