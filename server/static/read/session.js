// The images of this visit, which one is shown, and how its lines are looked at. All in memory.

// An image goes: waiting, sending, reading, then done, failed or cancelled; pausing before a retry.
export const FINISHED = ["done", "failed", "cancelled"];

let lastId = 0;

export class Session extends EventTarget {
  images = [];
  chosen = null;
  threshold = 0;
  activeLine = -1;
  hoveredLine = -1;

  add(files) {
    const added = [...files].map((file) => newImage(file));
    this.images.push(...added);
    for (const image of added) this.#tell("added", { image });
    if (added.length) this.choose(added[0]);
    return added;
  }

  remove(image) {
    const index = this.images.indexOf(image);
    if (index < 0) return;
    this.images.splice(index, 1);
    this.#tell("removed", { image });
    if (this.chosen === image) {
      this.choose(this.images[Math.min(index, this.images.length - 1)] ?? null);
    }
  }

  // Something about an image is new; `change` has the fields.
  change(image, change) {
    Object.assign(image, change);
    this.#tell("changed", { image });
    if (image === this.chosen && "state" in change) {
      this.activeLine = this.hoveredLine = -1;
      this.#tell("content");
    }
  }

  choose(image) {
    this.chosen = image;
    this.activeLine = this.hoveredLine = -1;
    this.#tell("content");
    this.#tell("chosen");
  }

  // `from` says where a line was chosen, so that that place does not scroll under the hand.
  activate(line, from) {
    this.activeLine = line;
    this.#tell("line", { from });
  }

  hover(line, from) {
    if (line === this.hoveredLine) return;
    this.hoveredLine = line;
    this.#tell("line", { from, hovering: true });
  }

  setThreshold(threshold) {
    this.threshold = threshold;
    this.#tell("threshold");
  }

  shows(line) {
    return line.confidence >= this.threshold;
  }

  on(names, listener) {
    for (const name of names.split(" ")) {
      this.addEventListener(name, (event) => listener(event.detail));
    }
  }

  // content: another image is shown, or more is known of it; chosen: another one only.
  #tell(name, detail = {}) {
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
