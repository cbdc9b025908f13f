// What lies over the image: the boxes as SVG, and the text, transparent but selectable, in each box.

import { drawn, element } from "../shared/elements.js";

const ruler = document.createElement("canvas").getContext("2d");
const FONT = "sans-serif";
const TALL = 1.5; // a box so much taller than wide was read from top to bottom

export const SURE = 0.9;
export const DOUBTFUL = 0.8;

export function sureness(confidence) {
  return confidence >= SURE ? "sure" : confidence >= DOUBTFUL ? "fair" : "doubtful";
}

export function boxOf(line, index) {
  const points = line.box.map(([x, y]) => `${x},${y}`).join(" ");
  return drawn("polygon", {
    points,
    class: `box ${sureness(line.confidence)}`,
    "data-line": index,
    "vector-effect": "non-scaling-stroke",
  });
}

// The text set along the box and stretched to its length, as the text layer of a PDF is.
export function textOf(line, index) {
  const { origin, along, down } = axes(line.box);
  const height = Math.max(1, Math.hypot(...down));
  const length = Math.max(1, Math.hypot(...along));
  const made = element("div", { class: "text-line", "data-line": index });
  made.textContent = `${line.text}\n`; // copied over several lines, each stands on its own
  ruler.font = `100px ${FONT}`;
  const natural = (ruler.measureText(line.text).width * height) / 100;
  const stretch = natural > 0 ? length / natural : 1;
  const angle = Math.atan2(along[1], along[0]);
  made.style.fontSize = `${height}px`;
  made.style.lineHeight = `${height}px`;
  made.style.transform = `translate(${origin[0]}px, ${origin[1]}px) rotate(${angle}rad) scaleX(${stretch})`;
  return made;
}

export function boundsOf(box) {
  const xs = box.map(([x]) => x);
  const ys = box.map(([, y]) => y);
  return {
    left: Math.min(...xs),
    right: Math.max(...xs),
    top: Math.min(...ys),
    bottom: Math.max(...ys),
  };
}

function axes([topLeft, topRight, bottomRight, bottomLeft]) {
  const across = minus(topRight, topLeft);
  const downwards = minus(bottomLeft, topLeft);
  if (Math.hypot(...downwards) >= TALL * Math.hypot(...across)) {
    return {
      origin: topRight,
      along: minus(bottomRight, topRight),
      down: minus(topLeft, topRight),
    };
  }
  return { origin: topLeft, along: across, down: downwards };
}

function minus([x, y], [fromX, fromY]) {
  return [x - fromX, y - fromY];
}
