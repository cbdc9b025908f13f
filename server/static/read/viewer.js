// The picture that is shown, its boxes and its text, and the ways to move about in it.

import { number, onLanguage, say } from "../shared/language.js";
import { boundsOf, boxOf, textOf } from "./picture_layers.js";
import { remember, remembered } from "../shared/preferences.js";
import { Zoom } from "./zoom.js";

const STEP = 1.25;
const PAN = 60;

export class Viewer {
  #session;
  #parts;
  #zoom;
  #picture = null;
  #url = "";

  constructor(session, root) {
    this.#session = session;
    const part = (name) => root.querySelector(`#${name}`);
    this.#parts = {
      viewport: part("viewport"),
      sheet: part("sheet"),
      image: part("sheet-image"),
      boxes: part("sheet-boxes"),
      text: part("sheet-text"),
      note: part("sheet-note"),
      scale: part("zoom-scale"),
      toggle: part("boxes-switch"),
    };
    const { viewport, sheet, scale } = this.#parts;
    this.#zoom = new Zoom(viewport, sheet, (value) => {
      scale.textContent = `${number(value * 100)} %`;
    });
    part("zoom-in").addEventListener("click", () => this.#zoom.zoomBy(STEP));
    part("zoom-out").addEventListener("click", () => this.#zoom.zoomBy(1 / STEP));
    part("zoom-fit").addEventListener("click", () => this.#zoom.fit());
    scale.addEventListener("click", () => this.#zoom.zoomTo(1));
    viewport.addEventListener("keydown", (event) => this.#key(event));
    this.#listenToBoxes();
    this.#listenToImage();
    session.on("content", () => this.#show());
    session.on("line", (how) => this.#highlight(how));
    session.on("threshold", () => this.#filter());
    onLanguage(() => this.#say());
    this.#showBoxes(remembered("boxes") !== "off");
  }

  focus() {
    this.#parts.viewport.focus();
  }

  #show() {
    const picture = this.#session.chosen;
    if (picture !== this.#picture) this.#load(picture);
    this.#draw();
  }

  #load(picture) {
    const { image } = this.#parts;
    this.#picture = picture;
    if (this.#url) URL.revokeObjectURL(this.#url);
    this.#url = picture ? URL.createObjectURL(picture.file) : "";
    this.#parts.sheet.classList.remove("blank");
    image.alt = picture?.name ?? "";
    if (this.#url) image.src = this.#url;
    else image.removeAttribute("src");
    this.#say();
  }

  #listenToImage() {
    const { image, sheet } = this.#parts;
    image.addEventListener("load", () => {
      if (!this.#picture?.answer) this.#zoom.setSize(image.naturalWidth, image.naturalHeight);
    });
    image.addEventListener("error", () => {
      if (!this.#picture) return;
      sheet.classList.add("blank");
      if (!this.#picture.answer) this.#zoom.setSize(800, 600);
      this.#say();
    });
  }

  #draw() {
    const { boxes, text } = this.#parts;
    const data = this.#picture?.answer?.data;
    const lines = data?.lines ?? [];
    boxes.replaceChildren(...lines.map(boxOf));
    text.replaceChildren(...lines.map(textOf));
    if (data) {
      boxes.setAttribute("viewBox", `0 0 ${data.width} ${data.height}`);
      this.#zoom.setSize(data.width, data.height);
    }
    this.#filter();
    this.#say();
  }

  // A format that the browser cannot show: its boxes and text stand on an empty sheet.
  #say() {
    const { note, sheet, text } = this.#parts;
    const blank = sheet.classList.contains("blank");
    const failed = ["failed", "cancelled"].includes(this.#picture?.state);
    sheet.hidden = blank && failed;
    note.hidden = !blank;
    const key = failed
      ? "no_preview"
      : this.#picture?.answer
        ? "no_preview_boxes"
        : "no_preview_yet";
    note.textContent = blank ? say(key) : "";
    text.classList.toggle("readable", blank);
  }

  #filter() {
    const lines = this.#picture?.answer?.data.lines ?? [];
    for (const layer of [this.#parts.boxes, this.#parts.text]) {
      for (const [index, line] of lines.entries()) {
        layer.children[index].classList.toggle("filtered", !this.#session.shows(line));
      }
    }
    this.#highlight({});
  }

  #highlight({ from, hovering }) {
    const { activeLine, hoveredLine } = this.#session;
    for (const layer of [this.#parts.boxes, this.#parts.text]) {
      for (const [index, shape] of [...layer.children].entries()) {
        shape.classList.toggle("active", index === activeLine);
        shape.classList.toggle("hovered", index === hoveredLine);
      }
    }
    const line = this.#picture?.answer?.data.lines[activeLine];
    if (line && from && from !== "picture" && !hovering) this.#zoom.show(boundsOf(line.box));
  }

  #listenToBoxes() {
    const { text } = this.#parts;
    const lineAt = (event) => Number(event.target.closest(".text-line")?.dataset.line ?? -1);
    text.addEventListener("pointerover", (event) => this.#session.hover(lineAt(event), "picture"));
    text.addEventListener("pointerleave", () => this.#session.hover(-1, "picture"));
    text.addEventListener("click", (event) => {
      if (lineAt(event) >= 0) this.#session.activate(lineAt(event), "picture");
    });
    this.#parts.toggle.addEventListener("click", () => {
      this.#showBoxes(this.#parts.toggle.getAttribute("aria-pressed") !== "true");
    });
    document.addEventListener("selectionchange", () => {
      const selection = getSelection();
      if (selection.isCollapsed || !text.contains(selection.anchorNode)) return;
      const line = selection.focusNode.parentElement?.closest(".text-line");
      if (line) this.#session.hover(Number(line.dataset.line), "picture");
    });
  }

  #showBoxes(shown) {
    this.#parts.toggle.setAttribute("aria-pressed", String(shown));
    this.#parts.boxes.classList.toggle("off", !shown);
    remember("boxes", shown ? "on" : "off");
  }

  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const actions = {
      "+": () => this.#zoom.zoomBy(STEP),
      "=": () => this.#zoom.zoomBy(STEP),
      "-": () => this.#zoom.zoomBy(1 / STEP),
      0: () => this.#zoom.fit(),
      1: () => this.#zoom.zoomTo(1),
      ArrowLeft: () => this.#zoom.panBy(PAN, 0),
      ArrowRight: () => this.#zoom.panBy(-PAN, 0),
      ArrowUp: () => this.#zoom.panBy(0, PAN),
      ArrowDown: () => this.#zoom.panBy(0, -PAN),
    };
    if (!(event.key in actions)) return;
    event.preventDefault();
    actions[event.key]();
  }
}
