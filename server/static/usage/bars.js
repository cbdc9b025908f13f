// A bar for each day, as SVG; parts of a bar are stacked. The table below has the same numbers.

import { element, svgElement } from "../shared/elements.js";
import { niceCeiling } from "../shared/nice_numbers.js";

const WIDTH = 1000;
const HEIGHT = 200;
const GAP = 0.25; // between bars, as a share of a day
const CLASSES = ["first", "second"];

// bars: [{name, parts, text}]; minimum: of the axis; format: for its top; label: for the whole.
export function drawBars(container, { bars, minimum, format, label }) {
  const sums = bars.map(({ parts }) => parts.reduce((sum, part) => sum + part, 0));
  const top = niceCeiling(Math.max(minimum, ...sums));
  const step = WIDTH / bars.length;
  const svg = svgElement(
    "svg",
    { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img", "aria-label": label },
    ...bars.map((bar, index) => stack(bar, index * step, step, top)),
  );
  const middle = bars[Math.floor((bars.length - 1) / 2)];
  const names = bars.length > 2 ? [bars[0], middle, bars.at(-1)] : bars;
  container.replaceChildren(
    element("span", { class: "plot-top", "aria-hidden": "true" }, format(top)),
    svg,
    element(
      "p",
      { class: "plot-days", "aria-hidden": "true" },
      ...names.map(({ name }) => element("span", {}, name)),
    ),
  );
}

// One bar; the whole column of the day shows its text.
function stack({ parts, text }, left, step, top) {
  let y = HEIGHT;
  const drawn = parts.map((part, index) => {
    const height = (part / top) * (HEIGHT - 2);
    y -= height;
    return svgElement("rect", {
      class: `bar-part ${CLASSES[index]}`,
      x: round(left + (step * GAP) / 2),
      y: round(y),
      width: round(step * (1 - GAP)),
      height: round(height),
    });
  });
  const column = { class: "column", x: round(left), y: 0, width: round(step), height: HEIGHT };
  return svgElement("g", {}, svgElement("title", {}, text), svgElement("rect", column), ...drawn);
}

function round(value) {
  return Math.round(value * 100) / 100;
}
