// The images of this visit with their states, the progress over all, and what can be done to each.

import { element } from "../shared/elements.js";
import { EXPORTS, save, shownResult } from "./exports.js";
import { icon } from "../shared/icons.js";
import { onLanguage, say } from "../shared/language.js";
import { speak } from "../shared/notices.js";
import { stateOf } from "./result.js";
import { FINISHED } from "./session.js";
import { Thumbnails } from "./thumbnails.js";

export class Tray {
  #session;
  #queue;
  #part;
  #rows = new Map();
  #thumbnails;

  constructor(session, queue, root) {
    this.#session = session;
    this.#queue = queue;
    this.#part = (name) => root.querySelector(`#${name}`);
    this.#thumbnails = new Thumbnails((image) => this.#drawThumbnail(image));
    session.on("added", ({ image }) => this.#add(image));
    session.on("removed", ({ image }) => this.#remove(image));
    session.on("changed", ({ image }) => this.#change(image));
    session.on("chosen", () => this.#choose());
    onLanguage(() => this.#redraw());
    this.#listen();
  }

  #listen() {
    const part = this.#part;
    part("cancel-all").addEventListener("click", () => this.#queue.cancelAll());
    part("clear-all").addEventListener("click", () => {
      this.#queue.cancelAll();
      for (const image of [...this.#session.images]) this.#session.remove(image);
    });
    for (const kind of Object.keys(EXPORTS)) {
      part(`save-all-${kind}`).addEventListener("click", () => {
        const done = this.#session.images.filter((image) => image.answer);
        if (done.length)
          save(
            kind,
            done.map((image) => shownResult(image, this.#session)),
          );
      });
    }
    part("tray-list").addEventListener("keydown", (event) => this.#key(event));
  }

  #add(image) {
    const row = element("li", { class: "tray-row" });
    const thumbnail = element("span", { class: "thumbnail", "aria-hidden": "true" });
    const name = element("span", { class: "tray-name" });
    const state = element("span", { class: "tray-state" });
    name.textContent = image.name;
    const pick = element(
      "button",
      { type: "button", class: "pick" },
      thumbnail,
      element("span", { class: "tray-words" }, name, state),
    );
    pick.addEventListener("click", () => this.#session.choose(image));
    const action = element("button", { type: "button", class: "quiet small" });
    action.addEventListener("click", () => this.#act(image));
    const retry = element("button", { type: "button", class: "quiet small retry" }, icon("again"));
    retry.addEventListener("click", () => this.#queue.again(image));
    row.append(pick, retry, action);
    this.#rows.set(image, { row, pick, state, thumbnail, action, retry });
    this.#part("tray-list").append(row);
    this.#thumbnails.make(image);
    this.#drawRow(image);
    this.#drawProgress();
  }

  #act(image) {
    if (FINISHED.includes(image.state)) this.#session.remove(image);
    else this.#queue.cancel(image);
  }

  #remove(image) {
    const { row } = this.#rows.get(image);
    const next = row.nextElementSibling ?? row.previousElementSibling;
    const focused = row.contains(document.activeElement);
    row.remove();
    if (focused) next?.querySelector(".pick").focus();
    this.#rows.delete(image);
    this.#thumbnails.forget(image);
    this.#drawProgress();
  }

  #change(image) {
    if (!this.#rows.has(image)) return;
    this.#drawRow(image);
    this.#drawProgress();
    const { state, wasState } = image;
    image.wasState = state;
    if (FINISHED.includes(state) && state !== wasState) this.#speak(image);
  }

  #speak(image) {
    const finished = this.#session.images.filter(({ state }) => FINISHED.includes(state)).length;
    const words = say("progress_spoken", {
      name: image.name,
      state: summary(image),
      n: finished,
      total: this.#session.images.length,
    });
    speak(words);
  }

  #drawRow(image) {
    const { row, state, action, retry } = this.#rows.get(image);
    const finished = FINISHED.includes(image.state);
    row.className = `tray-row ${image.state}`;
    row.style.setProperty("--sent", String(image.sent));
    state.textContent = summary(image);
    const label = say(finished ? "remove_image" : "cancel_image", { name: image.name });
    action.replaceChildren(icon("close"));
    action.setAttribute("aria-label", label);
    action.title = label;
    retry.hidden = !["failed", "cancelled"].includes(image.state);
    retry.setAttribute("aria-label", say("retry_image", { name: image.name }));
    retry.title = say("try_again");
  }

  #drawThumbnail(image) {
    const place = this.#rows.get(image)?.thumbnail;
    if (place) place.style.setProperty("--thumbnail", `url("${image.thumbnail}")`);
  }

  #drawProgress() {
    const images = this.#session.images;
    const finished = images.filter(({ state }) => FINISHED.includes(state)).length;
    const partly = images.reduce(
      (sum, { state, sent }) =>
        sum + (state === "sending" ? sent / 2 : state === "reading" ? 0.5 : 0),
      0,
    );
    const bar = this.#part("progress");
    bar.max = Math.max(1, images.length);
    bar.value = finished + partly;
    this.#part("progress-text").textContent = say("progress", {
      n: finished,
      total: images.length,
    });
    this.#part("cancel-all").hidden = finished === images.length;
    this.#part("progress-area").hidden = images.length < 2;
    this.#part("save-all").hidden = images.filter(({ answer }) => answer).length < 2;
    this.#part("clear-all").hidden = finished < images.length;
  }

  #choose() {
    for (const [image, { pick, row }] of this.#rows) {
      pick.setAttribute("aria-current", String(image === this.#session.chosen));
      if (image === this.#session.chosen)
        row.scrollIntoView({ block: "nearest", inline: "nearest" });
    }
  }

  #redraw() {
    for (const image of this.#rows.keys()) this.#drawRow(image);
    this.#drawProgress();
  }

  #key(event) {
    const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
    const row = event.target.closest("li");
    if (!step || !row) return;
    const next = step > 0 ? row.nextElementSibling : row.previousElementSibling;
    event.preventDefault();
    next?.querySelector(".pick").focus();
  }
}

function summary(image) {
  if (image.state !== "done") return stateOf(image);
  const lines = say("lines", { n: image.answer.data.lines.length });
  return ["hit", "joined"].includes(image.outcome)
    ? `${lines} · ${say(`short_${image.outcome}`)}`
    : lines;
}
