// The pictures of this visit, which one is shown, and how its lines are looked at. All in memory.

// A picture goes: waiting, sending, reading, then done, failed or cancelled; pausing before a retry.
export const FINISHED = ["done", "failed", "cancelled"];

let lastId = 0;

export class Session extends EventTarget {
  pictures = [];
  chosen = null;
  threshold = 0;
  activeLine = -1;
  hoveredLine = -1;

  add(files) {
    const added = [...files].map((file) => newPicture(file));
    this.pictures.push(...added);
    for (const picture of added) this.#tell("added", { picture });
    if (added.length) this.choose(added[0]);
    return added;
  }

  remove(picture) {
    const index = this.pictures.indexOf(picture);
    if (index < 0) return;
    this.pictures.splice(index, 1);
    this.#tell("removed", { picture });
    if (this.chosen === picture) {
      this.choose(this.pictures[Math.min(index, this.pictures.length - 1)] ?? null);
    }
  }

  // Something about a picture is new; `change` has the fields.
  change(picture, change) {
    Object.assign(picture, change);
    this.#tell("changed", { picture });
    if (picture === this.chosen && "state" in change) {
      this.activeLine = this.hoveredLine = -1;
      this.#tell("content");
    }
  }

  choose(picture) {
    this.chosen = picture;
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

  // content: another picture is shown, or more is known of it; chosen: another one only.
  #tell(name, detail = {}) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}

function newPicture(file) {
  lastId += 1;
  return {
    id: lastId,
    file,
    name: file.name || `picture ${lastId}`,
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
