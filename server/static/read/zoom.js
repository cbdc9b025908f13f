// Zooms and pans a sheet inside a viewport by wheel, pinch and drag, and for buttons and keys.

const MAX_SCALE = 16;
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
    new ResizeObserver(() => (this.#fitted ? this.fit() : this.#apply())).observe(viewport);
  }

  // Keeps the position if only the content has changed.
  setSize(width, height) {
    if (width === this.#width && height === this.#height && !this.#fitted) return;
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
    this.#apply();
  }

  // Zooms around a point of the viewport, by default its centre.
  zoomTo(scale, x = this.#viewport.clientWidth / 2, y = this.#viewport.clientHeight / 2) {
    const minScale = Math.min(this.#fitScale(), 1) / 2;
    const next = Math.min(MAX_SCALE, Math.max(minScale, scale));
    this.#x = x - ((x - this.#x) / this.#scale) * next;
    this.#y = y - ((y - this.#y) / this.#scale) * next;
    this.#scale = next;
    this.#fitted = false;
    this.#apply();
  }

  zoomBy(factor) {
    this.zoomTo(this.#scale * factor);
  }

  panBy(dx, dy) {
    this.#x += dx;
    this.#y += dy;
    this.#fitted = false;
    this.#apply();
  }

  // Pans so that a rectangle of the image is in view.
  reveal({ left, top, right, bottom }) {
    if (!this.#viewport.clientWidth) return; // not shown
    const dx = scrollDistance(
      left * this.#scale + this.#x,
      right * this.#scale + this.#x,
      this.#viewport.clientWidth,
    );
    const dy = scrollDistance(
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

  // Applies the position, clamped so that part of the image stays in view.
  #apply() {
    const { clientWidth, clientHeight } = this.#viewport;
    this.#x = clampPosition(this.#x, this.#width * this.#scale, clientWidth);
    this.#y = clampPosition(this.#y, this.#height * this.#scale, clientHeight);
    this.#sheet.style.transform = `translate(${this.#x}px, ${this.#y}px) scale(${this.#scale})`;
    this.#sheet.style.setProperty("--scale", String(this.#scale));
    this.#viewport.classList.toggle("zoomed", this.#scale > this.#fitScale() * 1.01);
    this.#onScale(this.#scale);
  }

  #wheel(event) {
    event.preventDefault();
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
    const pinchFactor = event.ctrlKey ? 5 : 1; // trackpad pinch events have small deltas
    const { x, y } = this.#viewportPoint(event);
    this.zoomTo(this.#scale * WHEEL_STEP ** (-event.deltaY * lines * pinchFactor), x, y);
  }

  // The left mouse button selects text on a line and drags elsewhere; the middle button always drags.
  #down(event) {
    const mouse = event.pointerType === "mouse";
    const onText = event.target.closest?.(".text-line") !== null;
    if (mouse && !(event.button === 1 || (event.button === 0 && !onText))) return;
    if (mouse) {
      event.preventDefault();
      getSelection().removeAllRanges();
    }
    this.#viewport.focus({ preventScroll: true });
    this.#pointers.set(event.pointerId, this.#viewportPoint(event));
    if (mouse) this.#viewport.setPointerCapture(event.pointerId);
    this.#viewport.classList.add("dragging");
  }

  #move(event) {
    const before = this.#pointers.get(event.pointerId);
    if (!before) return;
    const now = this.#viewportPoint(event);
    const others = [...this.#pointers].filter(([id]) => id !== event.pointerId);
    this.#pointers.set(event.pointerId, now);
    if (!others.length) {
      if (event.pointerType === "mouse" || this.#viewport.classList.contains("zoomed")) {
        this.panBy(now.x - before.x, now.y - before.y);
      }
      return;
    }
    const [, fixed] = others[0];
    const factor = distance(now, fixed) / Math.max(1, distance(before, fixed));
    this.zoomTo(this.#scale * factor, (now.x + fixed.x) / 2, (now.y + fixed.y) / 2);
    this.panBy((now.x - before.x) / 2, (now.y - before.y) / 2);
  }

  #up(event) {
    this.#pointers.delete(event.pointerId);
    if (!this.#pointers.size) this.#viewport.classList.remove("dragging");
  }

  #viewportPoint(event) {
    const { left, top } = this.#viewport.getBoundingClientRect();
    return { x: event.clientX - left, y: event.clientY - top };
  }
}

function distance(one, other) {
  return Math.hypot(one.x - other.x, one.y - other.y);
}

function clampPosition(position, length, room) {
  const visible = Math.min(40, length);
  return Math.min(room - visible, Math.max(visible - length, position));
}

// How far to move a span to fit into 0 … room; a longer span is aligned to its start.
function scrollDistance(from, to, room) {
  if (from < MARGIN || to - from > room)
    return from < MARGIN || from > room / 2 ? MARGIN - from : 0;
  return to > room - MARGIN ? room - MARGIN - to : 0;
}
