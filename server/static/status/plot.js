// A small plot of the last minutes: lines in SVG, the newest value on the right.

import { drawn, element } from "../shared/elements.js";

const WIDTH = 300;
const HEIGHT = 72;

export class Plot {
  #lines;
  #area;
  #top;
  #svg;

  // series: a class for each line.
  constructor(place, series) {
    this.#lines = series.map((name) =>
      drawn("path", { class: `plot-line ${name}`, "vector-effect": "non-scaling-stroke" }),
    );
    this.#area = drawn("path", { class: `plot-area ${series[0]}` });
    this.#top = element("span", { class: "plot-top", "aria-hidden": "true" });
    this.#svg = drawn(
      "svg",
      { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none" },
      this.#area,
      ...this.#lines,
    );
    place.append(this.#svg, this.#top);
  }

  // values: one list for each series, oldest first, null for a gap. show: the largest in words.
  draw(values, { least, show, label }) {
    const largest = niceAbove(Math.max(least, ...values.flat().filter((value) => value !== null)));
    for (const [index, line] of this.#lines.entries()) {
      line.setAttribute("d", this.#path(values[index], largest, false));
    }
    this.#area.setAttribute("d", this.#path(values[0], largest, true));
    this.#top.textContent = show(largest);
    this.#svg.setAttribute("role", "img");
    this.#svg.setAttribute("aria-label", label);
  }

  #path(values, largest, closed) {
    const step = WIDTH / Math.max(1, values.length - 1);
    let path = "";
    let from = null; // where the current piece began
    const close = () => (closed && from !== null ? `V${HEIGHT}H${from}Z` : "");
    for (const [index, value] of values.entries()) {
      const x = round(index * step);
      const y = round(HEIGHT - 1 - (Math.min(value, largest) / largest) * (HEIGHT - 4));
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

// 1, 2 or 5 times a power of ten.
export function niceAbove(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((factor) => factor * power).find((nice) => nice >= value * 0.999);
}

function round(value) {
  return Math.round(value * 10) / 10;
}
