// In-memory state of the page: images, the selected image, active and hovered line, threshold.

import { DROP_SCORE } from "./limits.js";

// States of an image: waiting, uploading, recognizing, then done, failed or cancelled; retrying
// while it waits for the next attempt.
export const FINISHED = ["done", "failed", "cancelled"];

// turn: degrees clockwise, or null: the server decides. boxThreshold: null: as the server is set.
const AS_SET = Object.freeze({ turn: null, boxThreshold: null });

let lastId = 0;

export class Session extends EventTarget {
  images = [];
  cleared = []; // the images of the last clear(), until others are added
  selected = null;
  threshold = DROP_SCORE;
  activeLine = -1;
  hoveredLine = -1;

  add(files) {
    const added = [...files].map((file) => newImage(file));
    this.#insert(added);
    return added;
  }

  remove(image) {
    const index = this.images.indexOf(image);
    if (index < 0) return;
    this.images.splice(index, 1);
    this.#emit("removed", { image });
    if (this.selected === image) {
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

  select(image) {
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

  // A line that cannot be read always is, as nobody would learn of it otherwise.
  isShown(line) {
    return line.confidence >= this.threshold || line.script === "unsupported";
  }

  // Whether closing the page would lose text that was neither copied nor downloaded.
  get hasUnsaved() {
    return this.images.some(({ answer, isSaved }) => answer?.data.lines.length && !isSaved);
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

  // "changed": fields of an image; "selected": another image was selected; "content": that, or the
  // selected one has another answer; "text": its lines have other texts; "options": it is to be read
  // with other options.
  #emit(name, detail = {}) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}

function newImage(file) {
  lastId += 1;
  return {
    id: lastId,
    file,
    name: file.name || `image ${lastId}`,
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
