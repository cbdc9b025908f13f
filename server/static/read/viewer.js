// The image that is shown, its boxes and its text, and the ways to move about in it.

import { number, onLanguage, say } from "../shared/language.js";
import { boundsOf, boxOf, textOf } from "./image_layers.js";
import { remember, remembered } from "../shared/preferences.js";
import { Zoom } from "./zoom.js";

const STEP = 1.25;
const PAN = 60;

export class Viewer {
  #session;
  #parts;
  #zoom;
  #image = null;
  #url = "";

  constructor(session, root) {
    this.#session = session;
    const part = (name) => root.querySelector(`#${name}`);
    this.#parts = {
      viewport: part("viewport"),
      sheet: part("sheet"),
      sheetImage: part("sheet-image"),
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
    const image = this.#session.chosen;
    if (image !== this.#image) this.#load(image);
    this.#draw();
  }

  #load(image) {
    const { sheetImage } = this.#parts;
    this.#image = image;
    if (this.#url) URL.revokeObjectURL(this.#url);
    this.#url = image ? URL.createObjectURL(image.file) : "";
    this.#parts.sheet.classList.remove("blank");
    sheetImage.alt = image?.name ?? "";
    if (this.#url) sheetImage.src = this.#url;
    else sheetImage.removeAttribute("src");
    this.#say();
  }

  #listenToImage() {
    const { sheetImage, sheet } = this.#parts;
    sheetImage.addEventListener("load", () => {
      if (!this.#image?.answer) this.#zoom.setSize(sheetImage.naturalWidth, sheetImage.naturalHeight);
    });
    sheetImage.addEventListener("error", () => {
      if (!this.#image) return;
      sheet.classList.add("blank");
      if (!this.#image.answer) this.#zoom.setSize(800, 600);
      this.#say();
    });
  }

  #draw() {
    const { boxes, text } = this.#parts;
    const data = this.#image?.answer?.data;
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
    const failed = ["failed", "cancelled"].includes(this.#image?.state);
    sheet.hidden = blank && failed;
    note.hidden = !blank;
    const key = failed
      ? "no_preview"
      : this.#image?.answer
        ? "no_preview_boxes"
        : "no_preview_yet";
    note.textContent = blank ? say(key) : "";
    text.classList.toggle("readable", blank);
  }

  #filter() {
    const lines = this.#image?.answer?.data.lines ?? [];
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
    const line = this.#image?.answer?.data.lines[activeLine];
    if (line && from && from !== "image" && !hovering) this.#zoom.show(boundsOf(line.box));
  }

  #listenToBoxes() {
    const { text } = this.#parts;
    const lineAt = (event) => Number(event.target.closest(".text-line")?.dataset.line ?? -1);
    text.addEventListener("pointerover", (event) => this.#session.hover(lineAt(event), "image"));
    text.addEventListener("pointerleave", () => this.#session.hover(-1, "image"));
    text.addEventListener("click", (event) => {
      if (lineAt(event) >= 0) this.#session.activate(lineAt(event), "image");
    });
    this.#parts.toggle.addEventListener("click", () => {
      this.#showBoxes(this.#parts.toggle.getAttribute("aria-pressed") !== "true");
    });
    document.addEventListener("selectionchange", () => {
      const selection = getSelection();
      if (selection.isCollapsed || !text.contains(selection.anchorNode)) return;
      const line = selection.focusNode.parentElement?.closest(".text-line");
      if (line) this.#session.hover(Number(line.dataset.line), "image");
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
