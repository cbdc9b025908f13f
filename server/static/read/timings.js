// Time by stage as a bar with a legend, and the cache outcome.

import { element } from "../shared/elements.js";
import { duration, hasText, translate, timeSpan } from "../shared/language.js";

const MIN_MILLISECONDS = 0.05; // shorter stages are not shown

export function showTimings(container, image) {
  const total = image.stages.find(({ name }) => name === "total")?.milliseconds ?? 0;
  const stages = image.stages.filter(
    ({ name, milliseconds }) => name !== "total" && milliseconds > MIN_MILLISECONDS,
  );
  const other = total - stages.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
  if (stages.length && other > MIN_MILLISECONDS) stages.push({ name: "other", milliseconds: other });
  container.replaceChildren(outcomeBadge(image, total));
  if (stages.length) container.append(bar(stages), legend(stages));
}

function outcomeBadge(image, total) {
  const known = hasText(`outcome_${image.outcome}`);
  const text = translate(known ? `outcome_${image.outcome}` : "outcome_miss");
  const seconds = element("span", { class: "total" }, duration(total));
  const age =
    image.outcome === "hit" && image.age >= 1
      ? translate("outcome_age", { age: timeSpan(image.age) })
      : "";
  return element(
    "p",
    { class: "outcome" },
    element("span", { class: `badge ${image.outcome}` }, text),
    seconds,
    age,
  );
}

function bar(stages) {
  const parts = stages.map(({ name, milliseconds }) => {
    const part = element("span", {
      class: `stage ${name}`,
      title: translate("named_value", { name: stageName(name), value: duration(milliseconds) }),
    });
    part.style.setProperty("--share", String(milliseconds));
    return part;
  });
  return element("div", { class: "stage-bar", "aria-hidden": "true" }, ...parts);
}

function legend(stages) {
  const entries = stages.map(({ name, milliseconds }) =>
    element(
      "li",
      {},
      element("span", { class: `swatch ${name}` }),
      `${stageName(name)} `,
      element("b", {}, duration(milliseconds)),
    ),
  );
  return element("ul", { class: "stage-legend", "aria-label": translate("stages") }, ...entries);
}

function stageName(name) {
  return hasText(`stage_${name}`) ? translate(`stage_${name}`) : name;
}
