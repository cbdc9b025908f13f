// A small SVG line plot of the last minutes, newest value on the right.

import { element, svgElement } from "../shared/elements.js";
import { niceCeiling } from "../shared/nice_numbers.js";

const WIDTH = 300;
const HEIGHT = 72;

export class Plot {
  #lines;
  #area;
  #top;
  #svg;

  // series: a CSS class for each line.
  constructor(container, series) {
    this.#lines = series.map((name) =>
      svgElement("path", { class: `plot-line ${name}`, "vector-effect": "non-scaling-stroke" }),
    );
    this.#area = svgElement("path", { class: `plot-area ${series[0]}` });
    this.#top = element("span", { class: "plot-top", "aria-hidden": "true" });
    this.#svg = svgElement(
      "svg",
      { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none" },
      this.#area,
      ...this.#lines,
    );
    container.append(this.#svg, this.#top);
  }

  // values: one list per series, oldest first, null for a gap. format: formats the axis maximum.
  draw(values, { minimum, format, label }) {
    const top = niceCeiling(Math.max(minimum, ...values.flat().filter((value) => value !== null)));
    for (const [index, line] of this.#lines.entries()) {
      line.setAttribute("d", this.#path(values[index], top, false));
    }
    this.#area.setAttribute("d", this.#path(values[0], top, true));
    this.#top.textContent = format(top);
    this.#svg.setAttribute("role", "img");
    this.#svg.setAttribute("aria-label", label);
  }

  #path(values, top, closed) {
    const step = WIDTH / Math.max(1, values.length - 1);
    let path = "";
    let from = null; // start of the current segment
    const close = () => (closed && from !== null ? `V${HEIGHT}H${from}Z` : "");
    for (const [index, value] of values.entries()) {
      const x = round(index * step);
      const y = round(HEIGHT - 1 - (Math.min(value, top) / top) * (HEIGHT - 4));
      if (value === null) {
        path += close();
        from = null;
      } else if (from === null) {
        from = x;
        path += `M${x},${y}`;
      } else {
        path += `L${x},${y}`;
      }
    }
    return path + close();
  }
}

function round(value) {
  return Math.round(value * 10) / 10;
}
