// Zoom and pan of a sheet inside a viewport: wheel, pinch, dragging, and calls from buttons and keys.

const LARGEST = 16;
const WHEEL_STEP = 1.0015;
const MARGIN = 12;

export class Zoom {
  #viewport;
  #sheet;
  #onScale;
  #width = 1;
  #height = 1;
  #scale = 1;
  #x = 0;
  #y = 0;
  #fitted = true;
  #pointers = new Map();

  constructor(viewport, sheet, onScale) {
    this.#viewport = viewport;
    this.#sheet = sheet;
    this.#onScale = onScale;
    viewport.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    viewport.addEventListener("pointerdown", (event) => this.#down(event));
    viewport.addEventListener("pointermove", (event) => this.#move(event));
    for (const name of ["pointerup", "pointercancel"]) {
      viewport.addEventListener(name, (event) => this.#up(event));
    }
    new ResizeObserver(() => (this.#fitted ? this.fit() : this.#place())).observe(viewport);
  }

  get scale() {
    return this.#scale;
  }

  setSize(width, height) {
    this.#width = Math.max(1, width);
    this.#height = Math.max(1, height);
    this.#sheet.style.setProperty("--width", `${this.#width}px`);
    this.#sheet.style.setProperty("--height", `${this.#height}px`);
    this.fit();
  }

  fit() {
    this.#scale = this.#fitScale();
    this.#x = (this.#viewport.clientWidth - this.#width * this.#scale) / 2;
    this.#y = (this.#viewport.clientHeight - this.#height * this.#scale) / 2;
    this.#fitted = true;
    this.#place();
  }

  // Around a point of the viewport; its middle, if none is given.
  zoomTo(scale, x = this.#viewport.clientWidth / 2, y = this.#viewport.clientHeight / 2) {
    const least = Math.min(this.#fitScale(), 1) / 2;
    const next = Math.min(LARGEST, Math.max(least, scale));
    this.#x = x - ((x - this.#x) / this.#scale) * next;
    this.#y = y - ((y - this.#y) / this.#scale) * next;
    this.#scale = next;
    this.#fitted = false;
    this.#place();
  }

  zoomBy(factor) {
    this.zoomTo(this.#scale * factor);
  }

  panBy(dx, dy) {
    this.#x += dx;
    this.#y += dy;
    this.#fitted = false;
    this.#place();
  }

  // Brings a rectangle of the image into sight, if it is not.
  show({ left, top, right, bottom }) {
    const dx = shift(
      left * this.#scale + this.#x,
      right * this.#scale + this.#x,
      this.#viewport.clientWidth,
    );
    const dy = shift(
      top * this.#scale + this.#y,
      bottom * this.#scale + this.#y,
      this.#viewport.clientHeight,
    );
    if (dx || dy) this.panBy(dx, dy);
  }

  #fitScale() {
    const width = this.#viewport.clientWidth - 2 * MARGIN;
    const height = this.#viewport.clientHeight - 2 * MARGIN;
    return Math.max(0.01, Math.min(width / this.#width, height / this.#height, 2));
  }

  // Some of the image stays in sight wherever it is dragged.
  #place() {
    const { clientWidth, clientHeight } = this.#viewport;
    this.#x = kept(this.#x, this.#width * this.#scale, clientWidth);
    this.#y = kept(this.#y, this.#height * this.#scale, clientHeight);
    this.#sheet.style.transform = `translate(${this.#x}px, ${this.#y}px) scale(${this.#scale})`;
    this.#viewport.classList.toggle("zoomed", this.#scale > this.#fitScale() * 1.01);
    this.#onScale(this.#scale);
  }

  #wheel(event) {
    event.preventDefault();
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
    const fine = event.ctrlKey ? 5 : 1; // a pinch on a touch pad comes in small steps
    const { x, y } = this.#inside(event);
    this.zoomTo(this.#scale * WHEEL_STEP ** (-event.deltaY * lines * fine), x, y);
  }

  // A mouse on text selects it; anywhere else, and with the middle button, it drags the image.
  #down(event) {
    const mouse = event.pointerType === "mouse";
    const onText = event.target.closest?.(".text-line") !== null;
    if (mouse && !(event.button === 1 || (event.button === 0 && !onText))) return;
    if (mouse) {
      event.preventDefault();
      getSelection().removeAllRanges();
    }
    this.#viewport.focus({ preventScroll: true });
    this.#pointers.set(event.pointerId, this.#inside(event));
    if (mouse) this.#viewport.setPointerCapture(event.pointerId);
    this.#viewport.classList.add("dragging");
  }

  #move(event) {
    const before = this.#pointers.get(event.pointerId);
    if (!before) return;
    const now = this.#inside(event);
    const others = [...this.#pointers].filter(([id]) => id !== event.pointerId);
    this.#pointers.set(event.pointerId, now);
    if (!others.length) {
      if (event.pointerType === "mouse" || this.#viewport.classList.contains("zoomed")) {
        this.panBy(now.x - before.x, now.y - before.y);
      }
      return;
    }
    const [, still] = others[0];
    const factor = distance(now, still) / Math.max(1, distance(before, still));
    this.zoomTo(this.#scale * factor, (now.x + still.x) / 2, (now.y + still.y) / 2);
    this.panBy((now.x - before.x) / 2, (now.y - before.y) / 2);
  }

  #up(event) {
    this.#pointers.delete(event.pointerId);
    if (!this.#pointers.size) this.#viewport.classList.remove("dragging");
  }

  #inside(event) {
    const { left, top } = this.#viewport.getBoundingClientRect();
    return { x: event.clientX - left, y: event.clientY - top };
  }
}

function distance(one, other) {
  return Math.hypot(one.x - other.x, one.y - other.y);
}

function kept(position, length, room) {
  const sight = Math.min(40, length);
  return Math.min(room - sight, Math.max(sight - length, position));
}

// How far a span has to move to be inside of 0 … room; its beginning counts where it is longer.
function shift(from, to, room) {
  if (from < MARGIN || to - from > room)
    return from < MARGIN || from > room / 2 ? MARGIN - from : 0;
  return to > room - MARGIN ? room - MARGIN - to : 0;
}
