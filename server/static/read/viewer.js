// The selected image with its boxes and text; zooming, panning, rotating and highlighting.

import { moveClass } from "../shared/elements.js";
import { onLanguage, percent, translate } from "../shared/language.js";
import { announce } from "../shared/notices.js";
import { boundingRectangle, boxPolygon, haloPolygon, holePolygon, textLayerLine } from "./image_layers.js";
import { getPreference, setPreference } from "../shared/preferences.js";
import { isDocument } from "./documents.js";
import { listenForSelection } from "./selecting.js";
import { SheetImage } from "./sheet_image.js";
import { shownAngle, turnedPage } from "./turned.js";
import { Zoom } from "./zoom.js";

const ZOOM_STEP = 1.25;
const PAN_STEP = 60;

export class Viewer {
  #session;
  #elements;
  #zoom;
  #queue;
  #image = null;
  #page = null; // size and lines of the upright page, if there is an answer
  #sheetImage;
  #active = -1; // the lines that are marked now
  #hovered = -1;

  constructor(session, queue, root) {
    this.#session = session;
    this.#queue = queue;
    const byId = (name) => root.querySelector(`#${name}`);
    this.#elements = {
      viewport: byId("viewport"),
      sheet: byId("sheet"),
      sheetImage: byId("sheet-image"),
      edges: byId("sheet-edges"),
      holes: byId("sheet-holes"),
      halos: byId("sheet-halos"),
      boxes: byId("sheet-boxes"),
      text: byId("sheet-text"),
      note: byId("sheet-note"),
      scale: byId("zoom-scale"),
      toggle: byId("boxes-switch"),
    };
    const { viewport, sheet, sheetImage, scale } = this.#elements;
    this.#sheetImage = new SheetImage(sheetImage);
    this.#zoom = new Zoom(viewport, sheet, (value) => {
      scale.textContent = percent(value);
    });
    byId("zoom-in").addEventListener("click", () => this.#zoom.zoomBy(ZOOM_STEP));
    byId("zoom-out").addEventListener("click", () => this.#zoom.zoomBy(1 / ZOOM_STEP));
    byId("zoom-fit").addEventListener("click", () => this.#zoom.fit());
    scale.addEventListener("click", () => this.#zoom.zoomTo(1));
    byId("rotate").addEventListener("click", () => this.#rotate());
    viewport.addEventListener("keydown", (event) => this.#key(event));
    this.#listenToBoxes();
    this.#listenToImage();
    session.on("content", () => this.#show());
    session.on("text", () => this.#draw());
    session.on("options", () => {
      if (shownAngle(this.#image) !== this.#angle) this.#draw();
    });
    session.on("changed", ({ image }) => {
      if (image === this.#image) this.#updateNote();
    });
    session.on("line", (how) => this.#highlight(how));
    session.on("threshold", () => this.#filter());
    onLanguage(() => this.#updateNote());
    this.#showBoxes(getPreference("boxes") !== "off");
  }

  focus() {
    this.#elements.viewport.focus();
  }

  #show() {
    const image = this.#session.selected;
    if (image !== this.#image) this.#load(image);
    this.#draw();
  }

  #load(image) {
    this.#image = image;
    this.#elements.sheet.classList.remove("blank");
    this.#sheetImage.show(image);
    this.#zoom.fit();
    this.#updateNote();
  }

  // The page is shown rotated immediately, and read again that way.
  #rotate() {
    const turn = (shownAngle(this.#image) + 90) % 360;
    this.#queue.readAgain(this.#image, { turn });
    announce(translate("rotated", { turn }));
  }

  get #layers() {
    const { holes, halos, boxes, text } = this.#elements;
    return [holes, halos, boxes, text];
  }

  get #angle() {
    return Number(this.#elements.sheet.dataset.turn);
  }

  #listenToImage() {
    const { sheetImage, sheet } = this.#elements;
    sheetImage.addEventListener("load", () => {
      if (!this.#image?.answer) this.#fitImage();
    });
    sheetImage.addEventListener("error", () => {
      if (!this.#image) return;
      sheet.classList.add("blank");
      if (!this.#image.answer) this.#zoom.setSize(800, 600);
      this.#updateNote();
    });
  }

  // Without an answer, the size is the one that the browser found.
  #fitImage() {
    const { naturalWidth: width, naturalHeight: height } = this.#elements.sheetImage;
    if (!width) return;
    const page = turnedPage({ width, height, lines: [] }, this.#angle);
    this.#zoom.setSize(page.width, page.height);
  }

  #draw() {
    const { edges, holes, halos, boxes, text, sheet } = this.#elements;
    const data = this.#image?.answer?.data;
    const angle = this.#image ? shownAngle(this.#image) : 0;
    this.#page = data ? turnedPage(data, angle) : null;
    sheet.dataset.turn = angle;
    const lines = this.#lines;
    const areas = areasOf(data);
    holes.replaceChildren(...lines.map(holePolygon));
    halos.replaceChildren(...lines.map(haloPolygon));
    boxes.replaceChildren(...lines.map(boxPolygon));
    text.replaceChildren(...lines.map((line, index) => textLayerLine(line, index, areas[index])));
    this.#active = this.#hovered = -1;
    if (this.#page) {
      const { width, height } = this.#page;
      for (const layer of [edges, boxes]) layer.setAttribute("viewBox", `0 0 ${width} ${height}`);
      this.#zoom.setSize(width, height);
    } else {
      this.#fitImage();
    }
    this.#filter();
    this.#updateNote();
  }

  get #lines() {
    return this.#page?.lines ?? [];
  }

  // If the browser cannot display the format, boxes and text are shown on an empty sheet.
  #updateNote() {
    const { note, sheet, text } = this.#elements;
    const blank = sheet.classList.contains("blank");
    const failed = ["failed", "cancelled"].includes(this.#image?.state);
    const isUnknown = this.#image !== null && isDocument(this.#image); // its pages are not known yet
    sheet.hidden = isUnknown || (blank && failed);
    note.hidden = !blank;
    const key = failed
      ? "no_preview"
      : this.#image?.answer
        ? "no_preview_text"
        : "no_preview_yet";
    const words = blank ? translate(key) : "";
    if (note.textContent !== words) note.textContent = words;
    text.classList.toggle("readable", blank);
  }

  #filter() {
    for (const layer of this.#layers) {
      for (const [index, line] of this.#lines.entries()) {
        layer.children[index].classList.toggle("filtered", !this.#session.isShown(line));
      }
    }
    this.#highlight({});
  }

  #highlight({ from, hovering }) {
    const { activeLine, hoveredLine } = this.#session;
    for (const { children } of this.#layers) {
      moveClass(children, "active", this.#active, activeLine);
      moveClass(children, "hovered", this.#hovered, hoveredLine);
    }
    this.#active = activeLine;
    this.#hovered = hoveredLine;
    const line = this.#lines[activeLine];
    if (line && from && from !== "image" && !hovering) this.#zoom.reveal(boundingRectangle(line.box));
  }

  #listenToBoxes() {
    const { text, viewport } = this.#elements;
    listenForSelection(text, viewport);
    const lineAt = (event) => Number(event.target.closest(".text-line")?.dataset.line ?? -1);
    text.addEventListener("pointerover", (event) => this.#session.hover(lineAt(event), "image"));
    text.addEventListener("pointerleave", () => this.#session.hover(-1, "image"));
    text.addEventListener("click", (event) => {
      if (lineAt(event) >= 0) this.#session.activate(lineAt(event), "image");
    });
    this.#elements.toggle.addEventListener("click", () => {
      this.#showBoxes(this.#elements.toggle.getAttribute("aria-pressed") !== "true");
    });
    document.addEventListener("selectionchange", () => {
      const selection = getSelection();
      if (selection.isCollapsed || !text.contains(selection.anchorNode)) return;
      const line = selection.focusNode.parentElement?.closest(".text-line");
      if (line) this.#session.hover(Number(line.dataset.line), "image");
    });
  }

  #showBoxes(shown) {
    this.#elements.toggle.setAttribute("aria-pressed", String(shown));
    for (const name of ["edges", "boxes"]) this.#elements[name].classList.toggle("off", !shown);
    setPreference("boxes", shown ? "on" : "off");
  }

  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const actions = {
      r: () => this.#rotate(),
      "+": () => this.#zoom.zoomBy(ZOOM_STEP),
      "=": () => this.#zoom.zoomBy(ZOOM_STEP),
      "-": () => this.#zoom.zoomBy(1 / ZOOM_STEP),
      0: () => this.#zoom.fit(),
      1: () => this.#zoom.zoomTo(1),
      ArrowLeft: () => this.#zoom.panBy(PAN_STEP, 0),
      ArrowRight: () => this.#zoom.panBy(-PAN_STEP, 0),
      ArrowUp: () => this.#zoom.panBy(0, PAN_STEP),
      ArrowDown: () => this.#zoom.panBy(0, -PAN_STEP),
    };
    if (!(event.key in actions)) return;
    event.preventDefault();
    actions[event.key]();
  }
}

// The number of the area of each line.
function areasOf(data) {
  const areas = [];
  for (const { area, lines } of data?.blocks ?? []) {
    for (const line of lines) areas[line] = area;
  }
  return areas;
}
