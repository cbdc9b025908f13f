// How long each stage took, as a bar and in words; and whether the cache had the answer.

import { element } from "../shared/elements.js";
import { duration, knows, say, timeSpan } from "../shared/language.js";

const LEAST = 0.05; // milliseconds; what is shorter did not happen

export function showTimings(place, image) {
  const total = image.stages.find(({ name }) => name === "total")?.milliseconds ?? 0;
  const stages = image.stages.filter(
    ({ name, milliseconds }) => name !== "total" && milliseconds > LEAST,
  );
  const rest = total - stages.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
  if (stages.length && rest > LEAST) stages.push({ name: "rest", milliseconds: rest });
  place.replaceChildren(outcomeBadge(image, total));
  if (stages.length) place.append(bar(stages), legend(stages));
}

function outcomeBadge(image, total) {
  const known = knows(`outcome_${image.outcome}`);
  const text = say(known ? `outcome_${image.outcome}` : "outcome_miss");
  const seconds = element("span", { class: "total" }, duration(total));
  const old =
    image.outcome === "hit" && image.age >= 1
      ? say("outcome_age", { age: timeSpan(image.age) })
      : "";
  return element(
    "p",
    { class: "outcome" },
    element("span", { class: `badge ${image.outcome}` }, text),
    seconds,
    old,
  );
}

function bar(stages) {
  const parts = stages.map(({ name, milliseconds }) => {
    const part = element("span", {
      class: `stage ${name}`,
      title: `${stageName(name)}: ${duration(milliseconds)}`,
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
  return element("ul", { class: "stage-legend", "aria-label": say("stages") }, ...entries);
}

function stageName(name) {
  return knows(`stage_${name}`) ? say(`stage_${name}`) : name;
}
