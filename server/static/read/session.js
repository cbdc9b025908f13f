// In-memory state of the page: images, the selected image, active and hovered line, threshold.

// States of an image: waiting, uploading, recognizing, then done, failed or cancelled; retrying
// while it waits for the next attempt.
export const FINISHED = ["done", "failed", "cancelled"];

let lastId = 0;

export class Session extends EventTarget {
  images = [];
  selected = null;
  threshold = 0;
  activeLine = -1;
  hoveredLine = -1;

  add(files) {
    const added = [...files].map((file) => newImage(file));
    this.images.push(...added);
    for (const image of added) this.#emit("added", { image });
    if (added.length) this.select(added[0]);
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

  // Updates fields of an image.
  change(image, change) {
    Object.assign(image, change);
    this.#emit("changed", { image });
    if (image === this.selected && "state" in change) {
      this.activeLine = this.hoveredLine = -1;
      this.#emit("content");
    }
  }

  select(image) {
    this.selected = image;
    this.activeLine = this.hoveredLine = -1;
    this.#emit("content");
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

  isShown(line) {
    return line.confidence >= this.threshold;
  }

  on(names, listener) {
    for (const name of names.split(" ")) {
      this.addEventListener(name, (event) => listener(event.detail));
    }
  }

  // "content": another image was selected or the state of the selected one changed;
  // "selected": another image was selected.
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
    sent: 0,
    attempt: 0,
    secondsLeft: 0,
    answer: null,
    outcome: "",
    stages: [],
    failure: null,
    thumbnail: "",
  };
}
