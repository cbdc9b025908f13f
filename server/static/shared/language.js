// The language of the page: the browser's, or the one that was chosen.

import { remember, remembered } from "./preferences.js";
import en from "./strings_en.js";
import zh from "./strings_zh.js";

const DICTIONARIES = { en, zh };
const TAGS = { en: "en", zh: "zh-CN" };
const SPANS = [
  ["day", 86_400],
  ["hour", 3600],
  ["minute", 60],
  ["second", 1],
];

let chosen = remembered("language");
if (!(chosen in DICTIONARIES)) {
  chosen = (navigator.language || "en").toLowerCase().startsWith("zh") ? "zh" : "en";
}
const listeners = [];

export function language() {
  return TAGS[chosen];
}

// A string of the dictionary; {name} stands for a value. Forms by number hang on the value `n`.
export function say(key, values = {}) {
  let text = DICTIONARIES[chosen][key] ?? key;
  if (typeof text !== "string") {
    text = text[new Intl.PluralRules(language()).select(values.n)] ?? text.other;
  }
  return text.replace(/\{(\w+)\}/g, (_, name) => shown(values[name]));
}

export function knows(key) {
  return key in DICTIONARIES[chosen];
}

export function number(value, digits = 0) {
  return new Intl.NumberFormat(language(), { maximumFractionDigits: digits }).format(value);
}

// Milliseconds as people read them.
export function duration(milliseconds) {
  if (milliseconds >= 1000)
    return `${number(milliseconds / 1000, milliseconds < 10_000 ? 2 : 1)} s`;
  return `${number(milliseconds, milliseconds < 10 ? 1 : 0)} ms`;
}

// A time in its two largest units, as 3 hr 20 min; for what is older than a moment.
export function timeSpan(seconds) {
  const first = SPANS.findIndex(([, length]) => seconds >= length);
  const at = first < 0 ? SPANS.length - 1 : first;
  const [unit, length] = SPANS[at];
  const words = [inUnit(Math.floor(seconds / length), unit)];
  const [smaller, part] = SPANS[at + 1] ?? [];
  const rest = Math.floor((seconds % length) / part);
  if (smaller && unit !== "minute" && rest) words.push(inUnit(rest, smaller));
  return words.join(" ");
}

// Bytes as people read them, in units of 1024.
export function size(bytes) {
  if (bytes < 1024) return `${number(bytes)} B`;
  if (bytes < 1024 ** 2) return `${number(bytes / 1024)} KB`;
  if (bytes < 1024 ** 3) return `${number(bytes / 1024 ** 2, 1)} MB`;
  return `${number(bytes / 1024 ** 3, 2)} GB`;
}

// Writes the language into the document, and tells those who write their own texts.
export function applyLanguage() {
  document.documentElement.lang = language();
  for (const place of document.querySelectorAll("[data-text]")) {
    place.textContent = say(place.dataset.text);
  }
  for (const place of document.querySelectorAll("[data-label]")) {
    place.setAttribute("aria-label", say(place.dataset.label));
    place.title = say(place.dataset.label);
  }
  for (const place of document.querySelectorAll("[data-name]")) {
    place.setAttribute("aria-label", say(place.dataset.name));
  }
  for (const listener of listeners) listener();
}

export function onLanguage(listener) {
  listeners.push(listener);
}

export function switchLanguage() {
  chosen = chosen === "en" ? "zh" : "en";
  remember("language", chosen);
  applyLanguage();
}

function inUnit(value, unit) {
  const how = { style: "unit", unit, unitDisplay: "short" };
  return new Intl.NumberFormat(language(), how).format(value);
}

function shown(value) {
  return typeof value === "number" ? number(value, 1) : String(value ?? "");
}
