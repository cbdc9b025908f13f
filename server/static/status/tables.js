// The state in words, the workers, and the lists of figures of the status page.

import { element } from "../shared/elements.js";
import { duration, knows, number, say, size, timeSpan } from "../shared/language.js";

const KINDS = { ready: "good", starting: "waiting", draining: "waiting", unreachable: "bad" };
const WORKER_KINDS = {
  ready: "good",
  busy: "busy",
  starting: "waiting",
  retiring: "waiting",
  dead: "bad",
};

export function showState(health) {
  const state = health?.status ?? "unreachable";
  const badge = document.getElementById("state-badge");
  const words = named("state_of_", state);
  if (badge.textContent !== words) badge.textContent = words;
  badge.className = `badge ${KINDS[state] ?? "waiting"}`;
  document.getElementById("state-text").textContent = say(`state_text_${state}`);
  if (!health) return;
  const { engine, version, uptime_seconds: uptime } = health;
  const facts = [`ocr-server ${version}`, say("up_for", { time: timeSpan(uptime) })];
  if (engine) facts.push(`${engine.engine} ${engine.precision}`, engine.models);
  document.getElementById("facts").textContent = facts.join(" · ");
}

export function showWorkers(place, workers) {
  const most = Math.max(1, ...workers.map((worker) => worker.rss_mb));
  place.replaceChildren(
    ...workers.map((worker) => {
      const bar = element("span", { class: "memory-bar", "aria-hidden": "true" });
      bar.style.setProperty("--share", String(worker.rss_mb / most));
      return element(
        "tr",
        {},
        element(
          "td",
          {},
          element(
            "span",
            { class: `badge ${WORKER_KINDS[worker.state] ?? ""}` },
            named("worker_", worker.state),
          ),
        ),
        element("td", { class: "number" }, String(worker.pid ?? "–")),
        element("td", { class: "number" }, number(worker.tasks_done)),
        element(
          "td",
          { class: "memory" },
          element("span", {}, size(worker.rss_mb * 1024 ** 2)),
          bar,
        ),
        element("td", { class: "number" }, timeSpan(worker.uptime_seconds)),
      );
    }),
  );
}

export function showDetails(place, health, frontEndBytes) {
  const { cache, requests } = health;
  const restarts = Object.entries(health.restarts).filter(([, count]) => count);
  fill(place, [
    [say("front_end_memory"), frontEndBytes ? size(frontEndBytes) : "–"],
    [say("open_requests"), number(requests.open)],
    [say("expected_wait"), duration(health.queue.expected_wait_seconds * 1000)],
    [say("bytes_in_flight"), size(requests.bytes)],
    [say("recognitions"), number(health.completed)],
    [say("jobs"), number(health.jobs)],
    [
      say("cache_entries"),
      say("of", { n: number(cache.entries), limit: number(cache.max_entries) }),
    ],
    [say("cache_bytes"), say("of", { n: size(cache.bytes), limit: size(cache.max_bytes) })],
    [
      say("restarts"),
      restarts.length
        ? restarts.map(([reason, count]) => `${reason} ${number(count)}`).join(", ")
        : "0",
    ],
  ]);
}

export function showAnswers(place, samples) {
  const answers = samples.filter(({ name }) => name === "ocr_requests_total");
  const rows = answers
    .sort((one, other) => other.value - one.value)
    .map(({ labels, value }) => [`${labels.code} ${labels.error}`.trim(), number(value)]);
  fill(place, rows.length ? rows : [[say("no_requests"), ""]]);
}

function fill(place, rows) {
  place.replaceChildren(
    ...rows.map(([name, value]) =>
      element("div", {}, element("dt", {}, name), element("dd", {}, value)),
    ),
  );
}

function named(prefix, state) {
  return knows(prefix + state) ? say(prefix + state) : state;
}
