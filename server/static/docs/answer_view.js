// What came back: status, headers, and the body as text or as an image. Never as HTML.

import { element } from "../shared/elements.js";
import { indented } from "./json_text.js";
import { fieldName, row, table, words } from "./schema_view.js";
import { told } from "./strings.js";

const MOST_CHARACTERS = 100_000;

export async function answerView(answer, data, name) {
  const rows = [...answer.headers].map(([header, value]) => row(fieldName(header), element("code", {}, value)));
  return element(
    "section",
    { class: "answered", "aria-label": `${name}: ${told("answer")}` },
    element(
      "p",
      {},
      element("span", { class: `status s${String(answer.status)[0]}` }, String(answer.status)),
      ` ${answer.statusText}`,
    ),
    element("details", {}, element("summary", {}, words("headers")), table(`${name}: ${told("headers")}`, ["name", "meaning"], rows)),
    await bodyView(data, answer.headers.get("Content-Type") ?? "", name),
  );
}

export function failureView(text) {
  return element("pre", { class: "answer-body" }, text);
}

async function bodyView(data, type, name) {
  if (data.size === 0) return words("no_body", "p");
  if (type.startsWith("image/") && !type.includes("svg")) {
    return element("img", { class: "answer-image", src: URL.createObjectURL(data), alt: told("answer") });
  }
  let text = await data.text();
  if (type.startsWith("application/json")) text = pretty(text);
  const more = text.length - MOST_CHARACTERS;
  const label = `${name}: ${told("body")}`;
  const body = element("pre", { class: "answer-body", tabindex: "0", role: "group", "aria-label": label }, text.slice(0, MOST_CHARACTERS));
  return more > 0 ? element("div", {}, body, element("p", {}, told("shortened", { n: more }))) : body;
}

function pretty(text) {
  try {
    return indented(JSON.parse(text));
  } catch {
    return text;
  }
}
