// Layers over the image: boxes as SVG, and transparent, selectable text in each box.

import { element, svgElement } from "../shared/elements.js";

const measureContext = document.createElement("canvas").getContext("2d");
const FONT = "sans-serif";
const VERTICAL_RATIO = 1.5; // height to width; taller boxes are read from top to bottom

export const HIGH_CONFIDENCE = 0.9;
export const MEDIUM_CONFIDENCE = 0.8;

export function confidenceLevel(confidence) {
  return confidence >= HIGH_CONFIDENCE ? "high" : confidence >= MEDIUM_CONFIDENCE ? "medium" : "low";
}

export function boxPolygon(line, index) {
  return polygon(line, index, `box ${confidenceLevel(line.confidence)}`);
}

// A light edge around a box, so that it is seen on dark images and on those of its own colour.
export function haloPolygon(line, index) {
  return polygon(line, index, "halo");
}

// Where no edge is drawn, because it would cover text.
export function holePolygon(line, index) {
  return polygon(line, index, "hole");
}

function polygon({ box }, index, name) {
  return svgElement("polygon", {
    points: box.map(([x, y]) => `${x},${y}`).join(" "),
    class: name,
    "data-line": index,
  });
}

// Text placed along the box and stretched to its length, like the text layer of a PDF.
export function textLayerLine(line, index, area) {
  const { origin, along, down } = axes(line.box);
  const height = Math.max(1, Math.hypot(...down));
  const length = Math.max(1, Math.hypot(...along));
  const layerLine = element("div", { class: "text-line", "data-line": index, "data-area": area });
  layerLine.textContent = `${line.text}\n`; // line break between lines when several are copied
  measureContext.font = `100px ${FONT}`;
  const naturalLength = (measureContext.measureText(line.text).width * height) / 100;
  const stretch = naturalLength > 0 ? length / naturalLength : 1;
  const angle = Math.atan2(along[1], along[0]);
  layerLine.style.fontSize = `${height}px`;
  layerLine.style.lineHeight = `${height}px`;
  layerLine.style.transform = `translate(${origin[0]}px, ${origin[1]}px) rotate(${angle}rad) scaleX(${stretch})`;
  return layerLine;
}

export function boundingRectangle(box) {
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
  const across = subtract(topRight, topLeft);
  const downwards = subtract(bottomLeft, topLeft);
  if (Math.hypot(...downwards) >= VERTICAL_RATIO * Math.hypot(...across)) {
    return {
      origin: topRight,
      along: subtract(bottomRight, topRight),
      down: subtract(topLeft, topRight),
    };
  }
  return { origin: topLeft, along: across, down: downwards };
}

function subtract([x, y], [fromX, fromY]) {
  return [x - fromX, y - fromY];
}
