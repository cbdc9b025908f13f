// The pictures of this visit with their states, the progress over all, and what can be done to each.

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
    this.#thumbnails = new Thumbnails((picture) => this.#drawThumbnail(picture));
    session.on("added", ({ picture }) => this.#add(picture));
    session.on("removed", ({ picture }) => this.#remove(picture));
    session.on("changed", ({ picture }) => this.#change(picture));
    session.on("chosen", () => this.#choose());
    onLanguage(() => this.#redraw());
    this.#listen();
  }

  #listen() {
    const part = this.#part;
    part("cancel-all").addEventListener("click", () => this.#queue.cancelAll());
    part("clear-all").addEventListener("click", () => {
      this.#queue.cancelAll();
      for (const picture of [...this.#session.pictures]) this.#session.remove(picture);
    });
    for (const kind of Object.keys(EXPORTS)) {
      part(`save-all-${kind}`).addEventListener("click", () => {
        const done = this.#session.pictures.filter((picture) => picture.answer);
        if (done.length)
          save(
            kind,
            done.map((picture) => shownResult(picture, this.#session)),
          );
      });
    }
    part("tray-list").addEventListener("keydown", (event) => this.#key(event));
  }

  #add(picture) {
    const row = element("li", { class: "tray-row" });
    const image = element("span", { class: "thumbnail", "aria-hidden": "true" });
    const name = element("span", { class: "tray-name" });
    const state = element("span", { class: "tray-state" });
    name.textContent = picture.name;
    const pick = element(
      "button",
      { type: "button", class: "pick" },
      image,
      element("span", { class: "tray-words" }, name, state),
    );
    pick.addEventListener("click", () => this.#session.choose(picture));
    const action = element("button", { type: "button", class: "quiet small" });
    action.addEventListener("click", () => this.#act(picture));
    const retry = element("button", { type: "button", class: "quiet small retry" }, icon("again"));
    retry.addEventListener("click", () => this.#queue.again(picture));
    row.append(pick, retry, action);
    this.#rows.set(picture, { row, pick, state, image, action, retry });
    this.#part("tray-list").append(row);
    this.#thumbnails.make(picture);
    this.#drawRow(picture);
    this.#drawProgress();
  }

  #act(picture) {
    if (FINISHED.includes(picture.state)) this.#session.remove(picture);
    else this.#queue.cancel(picture);
  }

  #remove(picture) {
    const { row } = this.#rows.get(picture);
    const next = row.nextElementSibling ?? row.previousElementSibling;
    const focused = row.contains(document.activeElement);
    row.remove();
    if (focused) next?.querySelector(".pick").focus();
    this.#rows.delete(picture);
    this.#thumbnails.forget(picture);
    this.#drawProgress();
  }

  #change(picture) {
    if (!this.#rows.has(picture)) return;
    this.#drawRow(picture);
    this.#drawProgress();
    const { state, wasState } = picture;
    picture.wasState = state;
    if (FINISHED.includes(state) && state !== wasState) this.#speak(picture);
  }

  #speak(picture) {
    const finished = this.#session.pictures.filter(({ state }) => FINISHED.includes(state)).length;
    const words = say("progress_spoken", {
      name: picture.name,
      state: summary(picture),
      n: finished,
      total: this.#session.pictures.length,
    });
    speak(words);
  }

  #drawRow(picture) {
    const { row, state, action, retry } = this.#rows.get(picture);
    const finished = FINISHED.includes(picture.state);
    row.className = `tray-row ${picture.state}`;
    row.style.setProperty("--sent", String(picture.sent));
    state.textContent = summary(picture);
    const label = say(finished ? "remove_picture" : "cancel_picture", { name: picture.name });
    action.replaceChildren(icon("close"));
    action.setAttribute("aria-label", label);
    action.title = label;
    retry.hidden = !["failed", "cancelled"].includes(picture.state);
    retry.setAttribute("aria-label", say("retry_picture", { name: picture.name }));
    retry.title = say("try_again");
  }

  #drawThumbnail(picture) {
    const place = this.#rows.get(picture)?.image;
    if (place) place.style.setProperty("--thumbnail", `url("${picture.thumbnail}")`);
  }

  #drawProgress() {
    const pictures = this.#session.pictures;
    const finished = pictures.filter(({ state }) => FINISHED.includes(state)).length;
    const partly = pictures.reduce(
      (sum, { state, sent }) =>
        sum + (state === "sending" ? sent / 2 : state === "reading" ? 0.5 : 0),
      0,
    );
    const bar = this.#part("progress");
    bar.max = Math.max(1, pictures.length);
    bar.value = finished + partly;
    this.#part("progress-text").textContent = say("progress", {
      n: finished,
      total: pictures.length,
    });
    this.#part("cancel-all").hidden = finished === pictures.length;
    this.#part("progress-area").hidden = pictures.length < 2;
    this.#part("save-all").hidden = pictures.filter(({ answer }) => answer).length < 2;
    this.#part("clear-all").hidden = finished < pictures.length;
  }

  #choose() {
    for (const [picture, { pick, row }] of this.#rows) {
      pick.setAttribute("aria-current", String(picture === this.#session.chosen));
      if (picture === this.#session.chosen)
        row.scrollIntoView({ block: "nearest", inline: "nearest" });
    }
  }

  #redraw() {
    for (const picture of this.#rows.keys()) this.#drawRow(picture);
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

function summary(picture) {
  if (picture.state !== "done") return stateOf(picture);
  const lines = say("lines", { n: picture.answer.data.lines.length });
  return ["hit", "joined"].includes(picture.outcome)
    ? `${lines} · ${say(`short_${picture.outcome}`)}`
    : lines;
}
