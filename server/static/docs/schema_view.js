// Schemas as tables: one row a property, what lies deeper indented below it.

import { element } from "../shared/elements.js";
import { typeOf } from "./description.js";
import { inline, prose } from "./prose.js";
import { inLanguage } from "./strings.js";

export function words(key, tag = "span") {
  return inLanguage(element(tag), key);
}

export function typeView(schema) {
  if (schema?.anyOf && !schema.anyOf[0].type) {
    const views = schema.anyOf.flatMap((each, index) => (index ? [" | ", typeView(each)] : [typeView(each)]));
    return element("span", {}, ...views);
  }
  const { words: text, leadsTo } = typeOf(schema);
  if (!leadsTo) return element("code", {}, text);
  return element("a", { href: `#schema-${leadsTo}` }, element("code", {}, text));
}

// A table with a caption for screen readers; headings are keys of the dictionary. The roles say
// what the elements are anyway, but not where the style for narrow windows stacks them.
export function table(caption, headings, rows) {
  const head = headings.map((key) => inLanguage(element("th", { scope: "col", role: "columnheader" }), key));
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
    isRequired ? inLanguage(element("span", { class: "badge must" }), "required") : null,
  );
}

// What a field means, and its default.
export function meaning(field, schema) {
  const found = [element("span", { lang: "en" }, ...inline(field.description ?? schema?.description ?? ""))];
  if (schema?.default !== undefined) {
    found.push(
      element("span", { class: "default" }, words("default"), " ", element("code", {}, String(schema.default))),
    );
  }
  return found;
}

export function schemaSection(name, schema) {
  const section = element("section", { class: "schema", id: `schema-${name}` }, element("h3", {}, name));
  if (name !== "ErrorCode" && schema.description) section.append(prose(schema.description));
  const rows = propertyRows(schema, "");
  if (rows.length) section.append(table(name, ["name", "type", "meaning"], rows));
  else if (name === "ErrorCode") section.append(element("p", {}, element("a", { href: "#errors" }, words("errors"))));
  else section.append(element("p", {}, typeView(schema)));
  return section;
}

function propertyRows(schema, prefix) {
  const rows = [];
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    const path = prefix + name;
    rows.push(row(fieldName(path), typeView(property), meaning(property)));
    const deeper = property.type === "array" ? property.items : property;
    const inner = deeper?.properties ? deeper : deeper?.anyOf?.find((each) => each.properties);
    if (inner) rows.push(...propertyRows(inner, `${path}${property.type === "array" ? "[]" : ""}.`));
  }
  return rows;
}
