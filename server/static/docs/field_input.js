// The form control for one field, chosen by its schema. Empty controls are not sent.

import { element } from "../shared/elements.js";
import { localize } from "./strings.js";

export function fieldInput(id, name, schema, about) {
  const control = makeControl(id, name, schema, about);
  const label = element("label", { for: id }, element("code", {}, name));
  if (about.required) {
    control.required = true;
    label.append(" ", localize(element("span", { class: "badge required" }), "required"));
  }
  return { control, view: element("div", { class: "field" }, label, control) };
}

export function valueOf(control) {
  return control.value.trim();
}

function makeControl(id, name, schema, { example }) {
  const choices = schema.enum ?? (schema.anyOf?.[0]?.type === "boolean" ? ["true", "false"] : null);
  if (choices) {
    const empty = localize(element("option", { value: "" }), "not_set");
    const options = choices.filter((each) => each !== null).map((each) => element("option", { value: each }, String(each)));
    return element("select", { id }, empty, ...options);
  }
  if (name === "image") return element("textarea", { id, rows: "3", spellcheck: "false" });
  const control = element("input", { id, type: "text", autocomplete: "off", spellcheck: "false" });
  if (schema.minimum !== undefined) {
    control.inputMode = "decimal";
    control.placeholder = `${schema.minimum} – ${schema.maximum}`;
  }
  if (schema.default !== undefined) control.placeholder = String(schema.default);
  if (example !== undefined && example !== 0) control.value = example;
  return control;
}
