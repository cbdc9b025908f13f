// File names that lose their middle, not their end, where there is little room.

import { element } from "./elements.js";

const SHORT = 12; // characters that have room everywhere
const END = 10;

export function showFileName(target, name) {
  if (target.title === name) return;
  target.title = name;
  target.classList.add("file-name");
  const characters = [...name];
  if (characters.length <= SHORT) {
    target.textContent = name;
    return;
  }
  const start = characters.slice(0, -END).join("");
  const end = characters.slice(-END).join("");
  target.replaceChildren(
    element("span", { class: "name-start" }, start),
    element("span", { class: "name-end" }, end),
  );
}
