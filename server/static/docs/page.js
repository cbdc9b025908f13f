// The page at /docs: renders /openapi.json.

import { element } from "../shared/elements.js";
import { startShell } from "../shared/shell.js";
import { Description } from "./description.js";
import { operationView } from "./operation_view.js";
import { described, inline, prose } from "./prose.js";
import { row, schemaSection, table, textElement } from "./schema_view.js";
import { hasText, localize, localizeOnSwitch, translate } from "./strings.js";

const reference = document.getElementById("reference");
const contents = document.getElementById("contents");
const loading = document.getElementById("loading");

async function load() {
  localize(loading, "loading");
  try {
    const answer = await fetch("openapi.json");
    if (!answer.ok) throw new Error(String(answer.status));
    show(new Description(await answer.json()));
  } catch {
    const again = localize(element("button", { type: "button", click: load }), "again");
    loading.replaceChildren(textElement("failed"), " ", again);
    delete loading.dataset.docsText;
  }
}

function show(description) {
  const { info, tags } = description.document;
  const download = element("a", { href: "openapi.json", download: "openapi.json" }, textElement("download"));
  loading.remove();
  reference.append(
    element("p", { class: "faint" }, described("span", info.title), ` ${info.version} · `, download),
    prose(info.description),
  );
  const operations = description.operations();
  for (const tag of tags) {
    showTag(description, tag, operations.filter((each) => each.tags.includes(tag.name)));
  }
  showErrors(description);
  showSchemas(description);
  addEventListener("hashchange", openTarget);
  openTarget();
}

function showTag(description, { name, description: about }, operations) {
  const heading = hasText(`tag_${name}`) ? textElement(`tag_${name}`, "h2") : element("h2", {}, name);
  heading.id = `tag-${name}`;
  reference.append(heading, described("p", about, { class: "faint" }));
  reference.append(...operations.map((each) => operationView(description, each)));
  const links = operations.map(({ method, path, operationId }) =>
    element(
      "li",
      {},
      element("a", { href: `#${operationId}` }, element("span", { class: `method ${method.toLowerCase()}` }, method), path),
    ),
  );
  const title = element("a", { href: `#tag-${name}` }, textElement(`tag_${name}`));
  contents.append(element("p", {}, title), element("ul", {}, ...links));
}

function showErrors(apiDescription) {
  const rows = apiDescription
    .errorCodes()
    .map(({ status, code, description, message }) =>
      row(
        element("code", {}, code),
        element("span", { class: `status s${String(status)[0]}` }, String(status)),
        described("span", description),
        element("span", { lang: "en" }, ...inline(message)),
      ),
    );
  const heading = textElement("errors", "h2");
  heading.id = "errors";
  const shown = table(translate("errors"), ["code", "status", "description", "example"], rows);
  reference.append(heading, textElement("errors_intro", "p"), element("div", { class: "card padded" }, shown));
  contents.append(element("p", {}, element("a", { href: "#errors" }, textElement("errors"))));
}

function showSchemas(description) {
  const heading = textElement("schemas", "h2");
  heading.id = "schemas";
  const sections = Object.entries(description.schemas).map(([name, schema]) => schemaSection(name, schema));
  reference.append(heading, element("div", { class: "card padded" }, ...sections));
  contents.append(element("p", {}, element("a", { href: "#schemas" }, textElement("schemas"))));
}

// Opens the operation named in the URL fragment.
function openTarget() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (target instanceof HTMLDetailsElement) target.open = true;
  target?.scrollIntoView();
}

startShell();
localizeOnSwitch();
for (const target of document.querySelectorAll("[data-docs-text]")) localize(target, target.dataset.docsText);
localize(contents, "contents", "aria-label");
load();
