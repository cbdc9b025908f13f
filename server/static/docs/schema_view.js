// Schemas as tables: one row per property; nested properties follow with their full path.

import { element } from "../shared/elements.js";
import { typeOf } from "./description.js";
import { described, prose } from "./prose.js";
import { localize } from "./strings.js";

export function textElement(key, tag = "span") {
  return localize(element(tag), key);
}

export function typeView(schema) {
  if (schema?.anyOf && !schema.anyOf[0].type) {
    const views = schema.anyOf.flatMap((each, index) => (index ? [" | ", typeView(each)] : [typeView(each)]));
    return element("span", {}, ...views);
  }
  const { text, schemaName } = typeOf(schema);
  if (!schemaName) return described("code", text);
  return element("a", { href: `#schema-${schemaName}` }, element("code", {}, text));
}

// A table with a caption for screen readers; headings are text keys. The explicit roles keep table
// semantics where the stylesheet for narrow windows changes `display`.
export function table(caption, headings, rows) {
  const head = headings.map((key) => localize(element("th", { scope: "col", role: "columnheader" }), key));
  return element(
    "div",
    { class: "scroll", tabindex: "0", role: "group", "aria-label": caption },
    element(
      "table",
      { role: "table" },
      element("caption", { class: "hidden-text" }, caption),
      element("thead", { role: "rowgroup" }, element("tr", { role: "row" }, ...head)),
      element("tbody", { role: "rowgroup" }, ...rows),
    ),
  );
}

export function row(name, ...cells) {
  return element(
    "tr",
    { role: "row" },
    element("th", { scope: "row", role: "rowheader" }, name),
    ...cells.map((cell) => element("td", { role: "cell" }, ...[cell].flat())),
  );
}

export function fieldName(name, isRequired) {
  return element(
    "span",
    { class: "field-name" },
    element("code", {}, name),
    isRequired ? localize(element("span", { class: "badge required" }), "required") : null,
  );
}

// The description of a field and its default.
export function fieldDescription(field, schema) {
  const found = [described("span", field.description ?? schema?.description)];
  if (schema?.default !== undefined) {
    found.push(
      element("span", { class: "default" }, textElement("default"), " ", element("code", {}, String(schema.default))),
    );
  }
  return found;
}

export function schemaSection(name, schema) {
  const section = element("section", { class: "schema", id: `schema-${name}` }, element("h3", {}, name));
  if (name !== "ErrorCode" && schema.description) section.append(prose(schema.description));
  const rows = propertyRows(schema, "");
  if (rows.length) section.append(table(name, ["name", "type", "description"], rows));
  else if (name === "ErrorCode") section.append(element("p", {}, element("a", { href: "#errors" }, textElement("errors"))));
  else section.append(element("p", {}, typeView(schema)));
  return section;
}

function propertyRows(schema, prefix) {
  const rows = [];
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    const path = prefix + name;
    rows.push(row(fieldName(path), typeView(property), fieldDescription(property)));
    const deeper = property.type === "array" ? property.items : property;
    const inner = deeper?.properties ? deeper : deeper?.anyOf?.find((each) => each.properties);
    if (inner) rows.push(...propertyRows(inner, `${path}${property.type === "array" ? "[]" : ""}.`));
  }
  return rows;
}
