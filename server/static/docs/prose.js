// Texts of the OpenAPI document in the language of the page, with its Markdown subset: paragraphs,
// lists and `code`, never HTML.

import { element } from "../shared/elements.js";
import { onLanguage } from "../shared/language.js";
import { translated } from "./translated.js";

const written = new WeakMap(); // element -> the English text, and what renders it

export function prose(text) {
  return write(element("div", { class: "prose" }), text, blocks);
}

// An element with a text of one paragraph.
export function described(tag, text, attributes = {}) {
  return write(element(tag, attributes), text, inline);
}

function write(target, text, render) {
  target.dataset.described = "";
  written.set(target, { english: text ?? "", render });
  show(target);
  return target;
}

function show(target) {
  const { english, render } = written.get(target);
  const { text, lang } = translated(english);
  target.lang = lang;
  target.replaceChildren(...render(text));
}

function blocks(text) {
  const found = [];
  for (const block of text.split(/\n{2,}/)) {
    const lines = block.split("\n");
    if (lines.every((line) => line.startsWith("* "))) {
      found.push(element("ul", {}, ...lines.map((line) => element("li", {}, ...inline(line.slice(2))))));
    } else if (block) {
      found.push(element("p", {}, ...inline(block)));
    }
  }
  return found;
}

export function inline(text) {
  return text
    .split(/(`[^`]+`)/)
    .filter(Boolean)
    .map((piece) => (piece.startsWith("`") ? element("code", {}, piece.slice(1, -1)) : piece));
}

onLanguage(() => {
  for (const target of document.querySelectorAll("[data-described]")) show(target);
});
