// Server state, worker table and lists of values on the status page.

import { element } from "../shared/elements.js";
import { duration, hasText, number, size, timeSpan, translate } from "../shared/language.js";

const STATE_CLASSES = { ready: "good", starting: "waiting", draining: "waiting", unreachable: "bad" };
const WORKER_CLASSES = {
  ready: "good",
  busy: "busy",
  starting: "waiting",
  spare: "waiting",
  retiring: "waiting",
  dead: "bad",
};

// refusal: the code of the error that says why there is no health, or null.
export function showState(health, refusal) {
  const state = refusal ? "locked" : (health?.status ?? "unreachable");
  const badge = document.getElementById("state-badge");
  const words = stateName("server_state_", state);
  if (badge.textContent !== words) badge.textContent = words;
  badge.className = `badge ${STATE_CLASSES[state] ?? "waiting"}`;
  const textKey = refusal === "not_allowed" ? "error_not_allowed" : `server_state_text_${state}`;
  document.getElementById("state-text").textContent = hasText(textKey) ? translate(textKey) : "";
  if (!health) return;
  const { engine, version, uptime_seconds: uptime } = health;
  const facts = [`ocr-server ${version}`, translate("up_for", { time: timeSpan(uptime) })];
  if (engine) facts.push(`${engine.engine} ${engine.precision}`, engine.models);
  document.getElementById("facts").textContent = facts.join(" · ");
}

export function showWorkers(container, workers) {
  const limit = Number(document.documentElement.dataset.maxRssMb); // a worker above it is recycled
  container.replaceChildren(
    ...workers.map((worker) => {
      const bar = element("span", { class: "memory-bar", "aria-hidden": "true" });
      bar.style.setProperty("--share", String(Math.min(1, worker.rss_mb / limit)));
      return element(
        "tr",
        {},
        element(
          "td",
          {},
          element(
            "span",
            { class: `badge ${WORKER_CLASSES[worker.state] ?? ""}` },
            stateName("worker_", worker.state),
          ),
        ),
        element("td", { class: "number" }, String(worker.pid ?? "–")),
        element("td", { class: "number" }, number(worker.tasks_done)),
        element(
          "td",
          { class: "memory" },
          element("span", {}, translate("of", { n: megabytes(worker.rss_mb), limit: megabytes(limit) })),
          bar,
        ),
        element("td", { class: "number" }, timeSpan(worker.uptime_seconds)),
      );
    }),
  );
}

export function showDetails(container, health, frontEndBytes) {
  const { cache, requests } = health;
  const restarts = Object.entries(health.restarts).filter(([, count]) => count);
  fillList(container, [
    [translate("front_end_memory"), frontEndBytes ? size(frontEndBytes) : "–"],
    [translate("open_requests"), number(requests.open)],
    [translate("expected_wait"), duration(health.queue.expected_wait_seconds * 1000)],
    [translate("bytes_in_flight"), size(requests.bytes)],
    [translate("recognitions"), number(health.completed)],
    [translate("jobs"), number(health.jobs)],
    [
      translate("cache_entries"),
      translate("of", { n: number(cache.entries), limit: number(cache.max_entries) }),
    ],
    [translate("cache_bytes"), translate("of", { n: size(cache.bytes), limit: size(cache.max_bytes) })],
    [
      translate("restarts"),
      restarts.length
        ? restarts.map(([reason, count]) => `${reason} ${number(count)}`).join(", ")
        : "0",
    ],
  ]);
}

export function showResponses(container, samples) {
  const answers = samples.filter(({ name }) => name === "ocr_requests_total");
  const rows = answers
    .sort((one, other) => other.value - one.value)
    .map(({ labels, value }) => [`${labels.code} ${labels.error}`.trim(), number(value)]);
  fillList(container, rows.length ? rows : [[translate("no_requests"), ""]]);
}

function megabytes(number) {
  return size(number * 1024 ** 2);
}

export function fillList(container, rows) {
  container.replaceChildren(
    ...rows.map(([name, value]) =>
      element("div", {}, element("dt", {}, name), element("dd", {}, value)),
    ),
  );
}

function stateName(prefix, state) {
  return hasText(prefix + state) ? translate(prefix + state) : state;
}
