// Renders the Markdown subset used in descriptions: paragraphs, lists and `code`, never HTML.

import { element } from "../shared/elements.js";

export function prose(text) {
  const blocks = [];
  for (const block of (text ?? "").split(/\n{2,}/)) {
    const lines = block.split("\n");
    if (lines.every((line) => line.startsWith("* "))) {
      blocks.push(element("ul", {}, ...lines.map((line) => element("li", {}, ...inline(line.slice(2))))));
    } else if (block) {
      blocks.push(element("p", {}, ...inline(block)));
    }
  }
  return element("div", { class: "prose", lang: "en" }, ...blocks);
}

export function inline(text) {
  return (text ?? "")
    .split(/(`[^`]+`)/)
    .filter(Boolean)
    .map((piece) => (piece.startsWith("`") ? element("code", {}, piece.slice(1, -1)) : piece));
}
