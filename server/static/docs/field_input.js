// The control for one field, by its schema. An empty control leaves the field out.

import { element } from "../shared/elements.js";
import { inLanguage } from "./strings.js";

export function fieldInput(id, name, schema, about) {
  const control = makeControl(id, name, schema, about);
  const label = element("label", { for: id }, element("code", {}, name));
  if (about.required) {
    control.required = true;
    label.append(" ", inLanguage(element("span", { class: "badge must" }), "required"));
  }
  return { control, view: element("div", { class: "field" }, label, control) };
}

export function valueOf(control) {
  return control.value.trim();
}

function makeControl(id, name, schema, { example }) {
  const choices = schema.enum ?? (schema.anyOf?.[0]?.type === "boolean" ? ["true", "false"] : null);
  if (choices) {
    const empty = inLanguage(element("option", { value: "" }), "left_out");
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
