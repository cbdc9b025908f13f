// An image to try: a receipt, drawn in the language of the page.

import { translate } from "../shared/language.js";

const WIDTH = 720;
const MARGIN = 60;
const LINE = 52;

// A PNG file.
export async function sampleImage() {
  const lines = translate("sample_lines").split("\n");
  const height = 2 * MARGIN + lines.length * LINE;
  const canvas = Object.assign(document.createElement("canvas"), { width: WIDTH, height });
  const context = canvas.getContext("2d");
  context.fillStyle = "#fdfcf8";
  context.fillRect(0, 0, WIDTH, height);
  context.fillStyle = "#222";
  for (const [row, line] of lines.entries()) {
    context.font = row ? "30px sans-serif" : "bold 40px sans-serif";
    drawLine(context, line, MARGIN + (row + 0.7) * LINE);
  }
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
  return new File([blob], translate("sample_name"), { type: "image/png" });
}

// The part after a tab is at the right margin.
function drawLine(context, line, y) {
  const [left, right = ""] = line.split("\t");
  context.textAlign = "left";
  context.fillText(left, MARGIN, y);
  context.textAlign = "right";
  context.fillText(right, WIDTH - MARGIN, y);
}
