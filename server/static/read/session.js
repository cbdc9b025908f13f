// In-memory state of the page: images and documents, the selected image or page, active and hovered
// line, threshold, search.

import { isDocument, wholeOf } from "./documents.js";
import { DROP_SCORE } from "./limits.js";

// States of an image: waiting, uploading, recognizing, then done, failed or cancelled; retrying
// while it waits for the next attempt. A page of a document has the same states and fields as an
// image; its document has those fields that concern the whole file.
export const FINISHED = ["done", "failed", "cancelled"];

// turn: degrees clockwise, or null: the server decides. boxThreshold: null: as the server is set.
const AS_SET = Object.freeze({ turn: null, boxThreshold: null });

// query: as it was entered; hits: page -> [{line, start, end}]; active: {page, index} of one hit.
export const NO_SEARCH = Object.freeze({ query: "", hits: new Map(), active: null });

let lastId = 0;

export class Session extends EventTarget {
  images = [];
  cleared = []; // the images of the last clear(), until others are added
  selected = null;
  threshold = DROP_SCORE;
  activeLine = -1;
  hoveredLine = -1;
  search = NO_SEARCH;

  // files: {file, kind}; see kinds.js.
  add(files) {
    const added = files.map(({ file, kind }) => newItem(file, kind));
    this.#insert(added);
    return added;
  }

  remove(image) {
    const index = this.images.indexOf(image);
    if (index < 0) return;
    this.images.splice(index, 1);
    this.#emit("removed", { image });
    if (wholeOf(this.selected) === image) {
      this.select(this.images[Math.min(index, this.images.length - 1)] ?? null);
    }
  }

  clear() {
    const images = this.images.splice(0);
    for (const image of images) this.#emit("removed", { image });
    this.select(null);
    this.#keepCleared(images);
  }

  // Brings back what clear() removed.
  restore() {
    this.#insert(this.cleared);
  }

  // Updates fields of an image.
  change(image, change) {
    const { answer, options } = image;
    Object.assign(image, change);
    this.#emit("changed", { image });
    if (image !== this.selected) return;
    if (image.answer !== answer) this.#showContent();
    if (image.options !== options) this.#emit("options");
  }

  // Replaces the answer of an image by one with the same lines and other texts.
  changeText(image, answer) {
    Object.assign(image, { answer, isSaved: false });
    this.#emit("changed", { image });
    if (image === this.selected) this.#emit("text");
  }

  // The pages of a document, once it is known how many it has.
  setPages(document, count) {
    if (document.pages.length === count) return;
    document.pages = Array.from({ length: count }, (_, index) => newPage(document, index + 1));
    this.#emit("pages", { document });
    if (this.selected === document) this.select(document.pages[0]);
  }

  // A page was read, or has failed.
  changePage(page, { answer = null, failure = null }) {
    const state = answer ? "done" : "failed";
    const read = answer && { answer, isSaved: false, options: AS_SET, answeredOptions: AS_SET };
    this.change(page, { state, failure, ...read });
    const { document } = page;
    const finished = document.pages.filter((each) => FINISHED.includes(each.state)).length;
    this.change(document, { finished });
  }

  // Shows an image or a document; of a document, the page that was shown before.
  select(item) {
    const image = item && isDocument(item) ? (item.shown ?? item.pages[0] ?? item) : item;
    if (image?.document) image.document.shown = image;
    this.selected = image;
    this.#showContent();
    this.#emit("selected");
  }

  // `from` names the view where a line was activated, so that this view does not scroll.
  activate(line, from) {
    this.activeLine = line;
    this.#emit("line", { from });
  }

  hover(line, from) {
    if (line === this.hoveredLine) return;
    this.hoveredLine = line;
    this.#emit("line", { from, hovering: true });
  }

  setThreshold(threshold) {
    this.threshold = threshold;
    this.#emit("threshold");
  }

  setSearch(search) {
    this.search = search;
    this.#emit("search");
  }

  // A line that cannot be read always is, as nobody would learn of it otherwise.
  isShown(line) {
    return line.confidence >= this.threshold || line.script === "unsupported";
  }

  // Whether closing the page would lose text that was neither copied nor downloaded.
  get hasUnsaved() {
    return this.read.some(({ answer, isSaved }) => answer.data.lines.length && !isSaved);
  }

  // All images and pages that have an answer.
  get read() {
    return this.images.flatMap((item) => [item, ...item.pages]).filter(({ answer }) => answer);
  }

  on(names, listener) {
    for (const name of names.split(" ")) {
      this.addEventListener(name, (event) => listener(event.detail));
    }
  }

  #showContent() {
    this.activeLine = this.hoveredLine = -1;
    this.#emit("content");
  }

  #insert(images) {
    this.images.push(...images);
    this.#keepCleared([]);
    for (const image of images) this.#emit("added", { image });
    if (images.length) this.select(images[0]);
  }

  #keepCleared(images) {
    this.cleared = images;
    this.#emit("cleared");
  }

  // "changed": fields of an image, document or page; "selected": another image or page was selected;
  // "content": that, or the selected one has another answer; "text": its lines have other texts;
  // "options": it is to be read with other options; "pages": a document has its pages; "search":
  // what is searched for, and where it was found.
  #emit(name, detail = {}) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}

function newItem(file, kind) {
  lastId += 1;
  return {
    id: lastId,
    file,
    kind, // of the file: "image", "pdf" or "tiff"
    name: file.name || `image ${lastId}`,
    document: null, // of a page
    number: 0, // of a page, from 1
    pages: [], // of a document
    shown: null, // the page of a document that was shown last
    finished: 0, // how many pages of a document are
    kept: null, // a document as the server keeps it; see documents.js
    keeping: null, // a promise, while it is sent again
    password: "",
    state: "waiting",
    options: AS_SET,
    size: null, // {width, height} in pixels, as far as the browser can tell
    sent: 0,
    attempt: 0,
    secondsLeft: 0,
    answer: null,
    answeredOptions: AS_SET, // that the answer was read with
    outcome: "",
    stages: [],
    history: [], // earlier answers, for undo
    isSaved: false,
    failure: null,
    thumbnail: "",
  };
}

function newPage(document, number) {
  return { ...newItem(document.file, document.kind), name: document.name, document, number };
}
