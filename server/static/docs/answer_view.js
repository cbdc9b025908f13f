// Renders a response: status, headers, and the body as text or as an image, never as HTML.

import { element } from "../shared/elements.js";
import { indented } from "./json_text.js";
import { fieldName, row, table, textElement } from "./schema_view.js";
import { translate } from "./strings.js";

const MAX_CHARACTERS = 100_000;

export async function answerView(answer, data, name) {
  const rows = [...answer.headers].map(([header, value]) => row(fieldName(header), element("code", {}, value)));
  return element(
    "section",
    { class: "answered", "aria-label": `${name}: ${translate("response")}` },
    element(
      "p",
      {},
      element("span", { class: `status s${String(answer.status)[0]}` }, String(answer.status)),
      ` ${answer.statusText}`,
    ),
    element("details", {}, element("summary", {}, textElement("headers")), table(`${name}: ${translate("headers")}`, ["name", "value"], rows)),
    await bodyView(data, answer.headers.get("Content-Type") ?? "", name),
  );
}

export function failureView(text) {
  return element("pre", { class: "answer-body" }, text);
}

async function bodyView(data, type, name) {
  if (data.size === 0) return textElement("no_body", "p");
  if (type.startsWith("image/") && !type.includes("svg")) {
    return element("img", { class: "answer-image", src: URL.createObjectURL(data), alt: translate("response") });
  }
  let text = await data.text();
  if (type.startsWith("application/json")) text = prettyJson(text);
  const more = text.length - MAX_CHARACTERS;
  const label = `${name}: ${translate("response_body")}`;
  const body = element("pre", { class: "answer-body", tabindex: "0", role: "group", "aria-label": label }, text.slice(0, MAX_CHARACTERS));
  return more > 0 ? element("div", {}, body, element("p", {}, translate("truncated", { n: more }))) : body;
}

function prettyJson(text) {
  try {
    return indented(JSON.parse(text));
  } catch {
    return text;
  }
}
