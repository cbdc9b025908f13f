// The list of images: thumbnails, states, and actions on each image.

import { element } from "../shared/elements.js";
import { showFileName } from "../shared/file_name.js";
import { icon } from "../shared/icons.js";
import { onLanguage, translate } from "../shared/language.js";
import { announce } from "../shared/notices.js";
import { isDocument, wholeOf } from "./documents.js";
import { canTryAgain } from "./failures.js";
import { smallImages } from "./page_images.js";
import { stateText } from "./result.js";
import { FINISHED } from "./session.js";
import { Thumbnails } from "./thumbnails.js";
import { shownAngle } from "./turned.js";

export class Tray {
  #session;
  #queue;
  #list;
  #rows = new Map();
  #thumbnails;

  constructor(session, queue, list) {
    this.#session = session;
    this.#queue = queue;
    this.#list = list;
    this.#thumbnails = new Thumbnails((image) => this.#drawThumbnail(image));
    session.on("added", ({ image }) => this.#add(image));
    session.on("removed", ({ image }) => this.#remove(image));
    session.on("changed", ({ image }) => this.#change(image));
    session.on("selected", () => this.#select());
    session.on("pages", ({ document }) => this.#drawDocument(document));
    onLanguage(() => {
      for (const image of this.#rows.keys()) this.#drawRow(image);
    });
    list.addEventListener("keydown", (event) => this.#onKey(event));
  }

  #add(image) {
    const row = element("li", { class: "tray-row" });
    const thumbnail = element("span", { class: "thumbnail", "aria-hidden": "true" });
    const name = element("span", { class: "tray-name" });
    const state = element("span", { class: "tray-state" });
    showFileName(name, image.name);
    const selectButton = element(
      "button",
      { type: "button", class: "pick" },
      thumbnail,
      element("span", { class: "tray-words" }, name, state),
    );
    selectButton.addEventListener("click", () => this.#session.select(image));
    const action = element("button", { type: "button", class: "quiet small" });
    action.addEventListener("click", () => this.#removeOrCancel(image));
    const retry = element("button", { type: "button", class: "quiet small retry" }, icon("retry"));
    retry.addEventListener("click", () => this.#queue.retry(image));
    row.append(selectButton, retry, action);
    this.#rows.set(image, { row, selectButton, state, thumbnail, action, retry });
    this.#list.append(row);
    if (isDocument(image)) thumbnail.append(icon("document"));
    else this.#thumbnails.make(image);
    this.#drawRow(image);
  }

  #removeOrCancel(image) {
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
    this.#thumbnails.discard(image);
  }

  #change(image) {
    if (!this.#rows.has(image)) return;
    this.#drawRow(image);
    const { state, announcedState } = image;
    image.announcedState = state;
    if (FINISHED.includes(state) && state !== announcedState) this.#announce(image);
  }

  #announce(image) {
    const finished = this.#session.images.filter(({ state }) => FINISHED.includes(state)).length;
    const words = translate("progress_announcement", {
      name: image.name,
      state: summary(image),
      n: finished,
      total: this.#session.images.length,
    });
    announce(words);
  }

  #drawRow(image) {
    const { row, selectButton, state, thumbnail, action, retry } = this.#rows.get(image);
    const finished = FINISHED.includes(image.state);
    row.className = `tray-row ${image.state}`;
    row.style.setProperty("--sent", String(image.pages.length ? image.finished / image.pages.length : image.sent));
    state.textContent = summary(image);
    selectButton.setAttribute("aria-label", `${image.name} ${state.textContent}`);
    thumbnail.style.rotate = `${shownAngle(image)}deg`;
    const label = translate(finished ? "remove_image" : "cancel_image", { name: image.name });
    action.replaceChildren(icon("close"));
    action.setAttribute("aria-label", label);
    action.title = label;
    retry.hidden = !canTryAgain(image);
    retry.setAttribute("aria-label", translate("retry_image", { name: image.name }));
    retry.title = translate("try_again");
  }

  #drawThumbnail(image) {
    const thumbnail = this.#rows.get(image)?.thumbnail;
    if (thumbnail) thumbnail.style.setProperty("--thumbnail", `url("${image.thumbnail}")`);
  }

  // The first page stands for the document.
  async #drawDocument(document) {
    try {
      const address = await smallImages.load(document.pages[0]);
      const thumbnail = this.#rows.get(document)?.thumbnail;
      thumbnail?.replaceChildren();
      thumbnail?.style.setProperty("--thumbnail", `url("${address}")`);
    } catch {
      // The icon stays.
    }
  }

  #select() {
    const selected = wholeOf(this.#session.selected);
    for (const [image, { selectButton, row }] of this.#rows) {
      selectButton.setAttribute("aria-current", String(image === selected));
      if (image === selected)
        row.scrollIntoView({ block: "nearest", inline: "nearest" });
    }
  }

  #onKey(event) {
    const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
    const row = event.target.closest("li");
    if (!step || !row) return;
    const rows = [...this.#list.children].filter((each) => each.checkVisibility());
    event.preventDefault();
    rows[rows.indexOf(row) + step]?.querySelector(".pick").focus();
  }
}

function summary(image) {
  if (image.state === "retrying") return translate("short_retrying", { n: image.secondsLeft });
  if (image.pages.length) return documentSummary(image);
  if (image.state !== "done") return stateText(image);
  const lines = translate("lines", { n: image.answer.data.lines.length });
  return ["hit", "joined"].includes(image.outcome)
    ? `${lines} · ${translate(`short_${image.outcome}`)}`
    : lines;
}

function documentSummary(document) {
  const { state, pages, finished } = document;
  const failed = pages.filter((page) => page.state === "failed").length;
  const read = translate("pages_read", { n: pages.length, finished });
  if (state === "recognizing") return read;
  const words = [state === "done" ? translate("n_pages", { n: pages.length }) : stateText(document)];
  if (state !== "done") words.push(read);
  else if (failed) words.push(translate("count_failed", { n: failed }));
  return words.join(" · ");
}
