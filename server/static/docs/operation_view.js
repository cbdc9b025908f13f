// One operation: parameters, request body, responses, and the form to try it.

import { element } from "../shared/elements.js";
import { indented } from "./json_text.js";
import { described, prose } from "./prose.js";
import { fieldDescription, fieldName, row, table, textElement, typeView } from "./schema_view.js";
import { translate } from "./strings.js";
import { tryForm } from "./try_form.js";

export function operationView(description, operation) {
  const { method, path, summary, operationId, hasHead } = operation;
  const details = element("details", { class: "operation card", id: operationId });
  details.append(
    element(
      "summary",
      {},
      element(
        "h3",
        {},
        element("span", { class: `method ${method.toLowerCase()}` }, method),
        element("code", {}, path),
        hasHead ? element("span", { class: "badge" }, "HEAD") : null,
      ),
      described("span", summary, { class: "faint" }),
    ),
  );
  // Filled when first opened, so that the page loads faster.
  details.addEventListener("toggle", () => fill(details, description, operation), { once: true });
  return details;
}

function fill(details, description, operation) {
  const form = tryForm(description, operation);
  const shortcut = element("a", { class: "to-form", href: `#${form.id}` }, textElement("try"));
  const content = element("div", { class: "operation-inside" }, shortcut);
  if (operation.description) content.append(prose(operation.description));
  content.append(...parameterSection(operation), ...bodySection(description, operation));
  content.append(...answerSection(description, operation), form);
  details.append(content);
}

function parameterSection({ parameters, operationId }) {
  if (!parameters.length) return [];
  const rows = parameters.map((each) =>
    row(
      fieldName(each.name, each.required),
      textElement(`in_${each.in}`),
      typeView(each.schema),
      fieldDescription(each, each.schema),
    ),
  );
  const caption = `${operationId}: ${translate("parameters")}`;
  return [textElement("parameters", "h4"), table(caption, ["name", "location", "type", "description"], rows)];
}

function bodySection(description, operation) {
  const kinds = description.bodyKinds(operation);
  if (!kinds.length) return [];
  const parts = [textElement("request_body", "h4")];
  const types = [...new Set(kinds.map((kind) => kind.mediaType))];
  parts.push(element("p", { class: "media-types" }, ...types.map((type) => element("code", {}, type))));
  const inQuery = new Set(operation.parameters.map((each) => each.name));
  const fields = new Map();
  for (const { schema } of kinds) {
    for (const [name, field] of Object.entries(schema.properties ?? {})) {
      if (!fields.has(name) && !inQuery.has(name)) fields.set(name, field);
    }
  }
  const order = [...fields].map(([name, field]) =>
    row(fieldName(name), typeView(name === "file_type" ? { enum: fileTypes(kinds) } : field), fieldDescription(field, field)),
  );
  parts.push(table(`${operation.operationId}: ${translate("request_body")}`, ["name", "type", "description"], order));
  return parts;
}

function fileTypes(kinds) {
  const found = kinds.flatMap(({ schema }) => schema.properties?.file_type?.enum ?? []);
  return [...new Set(found.filter((each) => each !== null))];
}

function answerSection(description, operation) {
  const parts = [textElement("responses", "h4")];
  for (const [status, given] of Object.entries(operation.responses)) {
    const answer = description.resolved(given);
    parts.push(
      element(
        "details",
        { class: "answer" },
        element(
          "summary",
          {},
          element("span", { class: `status s${status[0]}` }, status),
          described("span", answer.description),
        ),
        ...headerTable(description, status, answer, operation),
        ...Object.entries(answer.content ?? {}).flatMap(([type, content]) => contentView(type, content)),
      ),
    );
  }
  return parts;
}

function headerTable(description, status, answer, { operationId }) {
  const rows = Object.entries(answer.headers ?? {}).map(([name, given]) => {
    const header = description.resolved(given);
    return row(fieldName(name), typeView(header.schema), fieldDescription(header));
  });
  return rows.length ? [table(`${operationId} ${status}: ${translate("headers")}`, ["name", "type", "description"], rows)] : [];
}

function contentView(type, { schema, example, examples }) {
  const shown = example !== undefined ? { "": { value: example } } : (examples ?? {});
  const views = Object.entries(shown).map(([name, { value }]) =>
    codeBlock(
      [textElement("example"), name && ` ${name}`].filter(Boolean),
      typeof value === "string" ? value : indented(value),
    ),
  );
  return [element("p", { class: "media-types" }, element("code", {}, type), " ", typeView(schema)), ...views];
}

function codeBlock(title, text) {
  const body = element("pre", { tabindex: "0", role: "group", "aria-label": title.map((t) => t.textContent ?? t).join("") }, text);
  return element("details", { class: "example" }, element("summary", {}, ...title), body);
}
