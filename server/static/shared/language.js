// The language of the page: the saved one, else the browser's; texts, numbers and units in it.

import { getPreference, setPreference } from "./preferences.js";
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

let current = getPreference("language");
if (!(current in DICTIONARIES)) {
  current = (navigator.language || "en").toLowerCase().startsWith("zh") ? "zh" : "en";
}
const listeners = [];

export function language() {
  return TAGS[current];
}

// The text for a key; {name} is replaced by values.name. Plural forms depend on values.n.
export function translate(key, values = {}) {
  let text = DICTIONARIES[current][key] ?? key;
  if (typeof text !== "string") {
    text = text[new Intl.PluralRules(language()).select(values.n)] ?? text.other;
  }
  return text.replace(/\{(\w+)\}/g, (_, name) => formatValue(values[name]));
}

export function hasText(key) {
  return key in DICTIONARIES[current];
}

export function number(value, digits = 0) {
  return new Intl.NumberFormat(language(), { maximumFractionDigits: digits }).format(value);
}

// A fraction as a percentage.
export function percent(fraction, digits = 0) {
  const options = { style: "percent", maximumFractionDigits: digits };
  return new Intl.NumberFormat(language(), options).format(fraction);
}

// A number with its unit, such as 4 min. Intl writes 4分钟: the other Chinese texts have a space there.
export function formatUnit(value, unit, digits = 0) {
  const options = { style: "unit", unit, unitDisplay: "short", maximumFractionDigits: digits };
  const text = new Intl.NumberFormat(language(), options).format(value);
  return text.replace(/(\d)(?=\p{Script=Han})/u, "$1 ");
}

// Formats a duration in milliseconds.
export function duration(milliseconds) {
  if (milliseconds >= 1000)
    return `${number(milliseconds / 1000, milliseconds < 10_000 ? 2 : 1)} s`;
  return `${number(milliseconds, milliseconds < 10 ? 1 : 0)} ms`;
}

// Formats seconds in the two largest units, such as 3 hr 20 min.
export function timeSpan(seconds) {
  const first = SPANS.findIndex(([, length]) => seconds >= length);
  const at = first < 0 ? SPANS.length - 1 : first;
  const [unit, length] = SPANS[at];
  const words = [formatUnit(Math.floor(seconds / length), unit)];
  const [smaller, part] = SPANS[at + 1] ?? [];
  const remainder = Math.floor((seconds % length) / part);
  if (smaller && unit !== "minute" && remainder) words.push(formatUnit(remainder, smaller));
  return words.join(" ");
}

// The local time of a Unix time in milliseconds, with the weekday if it is not today.
export function clockTime(milliseconds) {
  const time = new Date(milliseconds);
  const isToday = time.toDateString() === new Date().toDateString();
  const options = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
  if (!isToday) options.weekday = "short";
  return new Intl.DateTimeFormat(language(), options).format(time);
}

// Formats bytes in units of 1024.
export function size(bytes) {
  if (bytes < 1024) return `${number(bytes)} B`;
  if (bytes < 1024 ** 2) return `${number(bytes / 1024)} KB`;
  if (bytes < 1024 ** 3) return `${number(bytes / 1024 ** 2, 1)} MB`;
  return `${number(bytes / 1024 ** 3, 2)} GB`;
}

// Sets all texts in the document and calls the onLanguage listeners. data-text sets the text,
// data-label the aria-label and tooltip, data-name the aria-label, data-hint the placeholder.
export function applyLanguage() {
  document.documentElement.lang = language();
  for (const target of document.querySelectorAll("[data-text]")) {
    target.textContent = translate(target.dataset.text);
  }
  for (const target of document.querySelectorAll("[data-label]")) {
    target.setAttribute("aria-label", translate(target.dataset.label));
    target.title = translate(target.dataset.label);
  }
  for (const target of document.querySelectorAll("[data-name]")) {
    target.setAttribute("aria-label", translate(target.dataset.name));
  }
  for (const target of document.querySelectorAll("[data-hint]")) {
    target.placeholder = translate(target.dataset.hint);
  }
  for (const listener of listeners) listener();
}

export function onLanguage(listener) {
  listeners.push(listener);
}

export function switchLanguage() {
  current = current === "en" ? "zh" : "en";
  setPreference("language", current);
  applyLanguage();
}

function formatValue(value) {
  return typeof value === "number" ? number(value, 1) : String(value ?? "");
}
