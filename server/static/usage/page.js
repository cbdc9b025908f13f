// The page at /usage: what a user used, by day, with a plot and a table.

import { callApi } from "../shared/api.js";
import { onKey } from "../shared/api_key.js";
import { element } from "../shared/elements.js";
import { openKeyDialog } from "../shared/key_dialog.js";
import { formatUnit, language, number, onLanguage, percent, size, translate } from "../shared/language.js";
import { startShell } from "../shared/shell.js";
import { drawBars } from "./bars.js";
import { everyDay, firstDay } from "./days.js";

const MEASURES = {
  images: { format: (value) => number(value), minimum: 1 },
  seconds: { format: (value) => spentTime(value), minimum: 1 },
  bytes: { format: (value) => size(value), minimum: 1024 },
  errors: { format: (value) => number(value), minimum: 1 },
};
const SPANS = [
  ["hour", 3600],
  ["minute", 60],
  ["second", 1],
];
const KEY_NEEDED = "usage_key_needed";
const TIMEOUT_MS = 15_000;

const byId = (name) => document.getElementById(name);
let usage = null; // of the last answer
let today = ""; // where the server is; before the first answer, it chooses 30 days
let problem = ""; // why there is none: the key of a text
let measure = "images";
let asked = 0;

async function load() {
  const number = (asked += 1);
  byId("download").disabled = true;
  try {
    const answer = await ask("json");
    if (number !== asked) return; // another period was chosen meanwhile
    usage = (await answer.json()).usage;
    today = usage.to;
    problem = "";
  } catch (error) {
    if (number !== asked) return;
    usage = null;
    problem = error.code ?? "error_network";
  }
  draw();
}

// The answer in a format; an error has the key of its text as `code`.
async function ask(format) {
  const query = new URLSearchParams({ format });
  if (today) query.set("from", firstDay(today, Number(byId("period").value)));
  const answer = await callApi(`usage?${query}`, {
    cache: "no-store",
    headers: { Accept: format === "csv" ? "text/csv" : "application/json" },
    timeout: TIMEOUT_MS,
  });
  if (answer.ok) return answer;
  const code = [401, 403].includes(answer.status) ? KEY_NEEDED : "usage_unavailable";
  throw Object.assign(new Error(`usage: ${answer.status}`), { code });
}

function draw() {
  const text = problem || (usage && !usage.enabled && !usage.days.length ? "usage_off" : "");
  byId("message").hidden = !text;
  byId("message-text").textContent = text ? translate(text) : "";
  byId("enter-key").hidden = text !== KEY_NEEDED;
  byId("counts").hidden = Boolean(text) || !usage;
  byId("download").disabled = Boolean(text) || !usage;
  byId("user").textContent = usage
    ? translate("usage_user", { user: usage.user, zone: usage.timezone })
    : "";
  if (text || !usage) return;
  drawTotals();
  drawMeasures();
  drawPlot();
  drawTable();
}

function drawTotals() {
  const { total, left_today: left } = usage;
  const share = total.images ? percent(total.cached / total.images) : "–";
  const rows = [
    [translate("usage_images"), number(total.images)],
    [translate("usage_cached"), share],
    [translate("usage_seconds"), spentTime(total.seconds)],
    [translate("usage_bytes"), size(total.bytes)],
    [translate("usage_errors"), number(total.errors)],
  ];
  if (left !== null) rows.unshift([translate("usage_left_today"), number(left)]);
  byId("totals").replaceChildren(
    ...rows.map(([name, value]) =>
      element(
        "div",
        { class: "tile card" },
        element("dt", {}, name),
        element("dd", { class: "figure" }, value),
      ),
    ),
  );
}

function drawMeasures() {
  byId("measures").replaceChildren(
    ...Object.keys(MEASURES).map((name) =>
      element(
        "button",
        {
          type: "button",
          class: "small",
          "aria-pressed": String(name === measure),
          click: () => choose(name),
        },
        translate(`usage_${name}`),
      ),
    ),
  );
}

function choose(name) {
  measure = name;
  drawMeasures();
  drawPlot();
  byId("measures").children[Object.keys(MEASURES).indexOf(name)].focus();
}

function drawPlot() {
  const { format, minimum } = MEASURES[measure];
  const days = everyDay(usage.from, usage.to, usage.days);
  byId("legend").hidden = measure !== "images";
  const stacked = measure === "images";
  drawBars(byId("plot"), {
    bars: days.map((day) => ({
      name: shortDate(day.day),
      parts: stacked ? [day.images - day.cached, day.cached] : [day[measure]],
      text: translate("named_value", { name: longDate(day.day), value: format(day[measure]) }),
    })),
    minimum,
    format,
    label: translate("usage_plot_label", {
      measure: translate(`usage_${measure}`),
      from: longDate(usage.from),
      to: longDate(usage.to),
      total: format(usage.total[measure]),
    }),
  });
}

function drawTable() {
  const cell = (text) => element("td", { class: "number" }, text);
  const rows = usage.days.toReversed().map((day) =>
    element(
      "tr",
      {},
      element("th", { scope: "row" }, longDate(day.day)),
      cell(number(day.images)),
      cell(number(day.pages)),
      cell(number(day.cached)),
      cell(spentTime(day.seconds)),
      cell(size(day.bytes)),
      cell(number(day.errors)),
    ),
  );
  const none = element("tr", {}, element("td", { colspan: "7" }, translate("no_requests")));
  byId("days").replaceChildren(...(rows.length ? rows : [none]));
}

async function download() {
  try {
    const content = await (await ask("csv")).blob();
    const url = URL.createObjectURL(content);
    const name = `usage-${usage.from}-${usage.to}.csv`;
    element("a", { href: url, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(url), 60_000);
  } catch (error) {
    problem = error.code ?? "error_network";
    draw();
  }
}

function spentTime(seconds) {
  const [unit, length] = SPANS.find((span) => seconds >= span[1]) ?? SPANS.at(-1);
  return formatUnit(seconds / length, unit, 1);
}

function shortDate(day) {
  return date(day, { month: "numeric", day: "numeric" });
}

function longDate(day) {
  return date(day, { year: "numeric", month: "short", day: "numeric" });
}

// The days are dates without a time; they must not move with the browser's time zone.
function date(day, options) {
  const format = new Intl.DateTimeFormat(language(), { ...options, timeZone: "UTC" });
  return format.format(new Date(`${day}T00:00:00Z`));
}

byId("period").addEventListener("change", load);
byId("download").addEventListener("click", download);
byId("enter-key").addEventListener("click", () => openKeyDialog());
onKey((key) => key && load());
onLanguage(draw);
startShell();
load();
