// The page at /status: polls /healthz and /metrics every two seconds and keeps five minutes.

import { ApiError, callApi, errorCode } from "../shared/api.js";
import { onKey } from "../shared/api_key.js";
import { openKeyDialog } from "../shared/key_dialog.js";
import { duration, number, onLanguage, percent, translate } from "../shared/language.js";
import { parseMetrics, sumOf } from "./metrics_text.js";
import { Plot } from "./plot.js";
import { ratesBetween, readCounters } from "./rates.js";
import { startShell } from "../shared/shell.js";
import { showCluster } from "./cluster.js";
import { showDetails, showResponses, showState, showWorkers } from "./tables.js";

const POLL_MS = 2000;
const MAX_SNAPSHOTS = 150;
const MIN_POINTS = 30; // width of the plots while there are fewer snapshots
const RATE_WINDOW = 5; // snapshots per rate, for smoothing
const TIMEOUT_MS = 5000;

const byId = (name) => document.getElementById(name);
const snapshots = []; // {counters, rates, health}; all null if the server did not answer
const plots = {
  rate: new Plot(byId("rate-plot"), ["first"]),
  latency: new Plot(byId("latency-plot"), ["first", "second"]),
  queue: new Plot(byId("queue-plot"), ["first", "second"]),
  cache: new Plot(byId("cache-plot"), ["first"]),
};
let samples = [];
let timer = 0;
let isPolling = false;
let refusal = null; // the code of an error that ends only with another API key

async function poll() {
  if (isPolling) return;
  isPolling = true;
  refusal = null;
  clearTimeout(timer);
  try {
    // In this order, because /healthz answers without a key too, but only with its status.
    const metrics = await (await fetchOk("metrics")).text();
    const health = await (await fetchOk("healthz")).json();
    if (!health.workers) throw new Error("the key was revoked between the two");
    samples = parseMetrics(metrics);
    const counters = readCounters(samples, performance.now());
    const earlier = snapshots.slice(-RATE_WINDOW).find((other) => other.counters);
    const rates = earlier ? ratesBetween(earlier.counters, counters) : null;
    record({ counters, rates, health });
  } catch (error) {
    if ([401, 403].includes(error.status)) refusal = error.code;
    record({ counters: null, rates: null, health: null });
  }
  isPolling = false;
  draw();
  if (!document.hidden && !refusal) timer = setTimeout(poll, POLL_MS);
}

async function fetchOk(address) {
  const answer = await callApi(address, { cache: "no-store", timeout: TIMEOUT_MS });
  if (!answer.ok) throw new ApiError(answer.status, await errorCode(answer));
  return answer;
}

function record(entry) {
  snapshots.push(entry);
  if (snapshots.length > MAX_SNAPSHOTS) snapshots.shift();
}

function draw() {
  const last = snapshots.at(-1);
  if (!last) return;
  showState(last.health, refusal);
  byId("enter-key").hidden = !refusal;
  const health = last.health ?? snapshots.findLast((entry) => entry.health)?.health;
  document.body.classList.toggle("stale", !last.health && Boolean(health));
  if (!health) return;
  drawRates(last.rates);
  drawQueue(health);
  drawCache(health, last.rates);
  showWorkers(byId("workers"), health.workers);
  showCluster(health.cluster);
  showDetails(byId("details"), health, sumOf(samples, "process_resident_memory_bytes"));
  showResponses(byId("responses"), samples);
}

function drawRates(rates) {
  const perSecond = rates ? number(rates.perSecond, rates.perSecond < 10 ? 1 : 0) : "–";
  byId("rate").textContent = perSecond;
  plots.rate.draw([series((entry) => entry.rates?.perSecond)], {
    minimum: 1,
    format: (value) => `${number(value)}/s`,
    label: named("tile_rate", perSecond),
  });
  const median = rates?.median ?? null;
  const p95 = rates?.p95 ?? null;
  byId("latency").textContent = median === null ? "–" : duration(median);
  byId("latency-note").textContent =
    p95 === null ? translate("no_recent_requests") : translate("latency_note", { p95: duration(p95) });
  plots.latency.draw(
    [series((entry) => entry.rates?.median), series((entry) => entry.rates?.p95)],
    {
      minimum: 10,
      format: duration,
      label: named("tile_latency", `${byId("latency").textContent}, ${byId("latency-note").textContent}`),
    },
  );
  const latest = snapshots.findLast((entry) => entry.counters)?.counters;
  byId("rate-note").textContent = latest ? translate("rate_note", { n: latest.requests }) : "";
}

function drawQueue(health) {
  const { waiting, running, limit } = health.queue;
  byId("queue").textContent = number(waiting);
  byId("queue-note").textContent = translate("queue_note", { running, limit });
  plots.queue.draw(
    [
      series((entry) => entry.health?.queue.waiting),
      series((entry) => entry.health?.queue.running),
    ],
    {
      minimum: 5,
      format: (value) => number(value),
      label: named("tile_queue", `${waiting}, ${byId("queue-note").textContent}`),
    },
  );
}

function drawCache(health, rates) {
  const share = rates?.reusedShare ?? null;
  byId("cache").textContent = share === null ? "–" : percent(share);
  const { hit, joined, miss } = health.cache;
  const all = hit + joined + miss;
  const overall = all ? percent((hit + joined) / all) : "–";
  byId("cache-note").textContent = translate("cache_note", { overall, entries: health.cache.entries });
  plots.cache.draw([series((entry) => entry.rates?.reusedShare)], {
    minimum: 1,
    format: (value) => percent(value),
    label: named("tile_cache", `${byId("cache").textContent}, ${byId("cache-note").textContent}`),
  });
}

function named(key, value) {
  return translate("named_value", { name: translate(key), value });
}

function series(value) {
  const values = snapshots.map((entry) => value(entry) ?? null);
  return [...Array(Math.max(0, MIN_POINTS - values.length)).fill(null), ...values];
}

// No polling while the page is hidden; the plots show a gap.
document.addEventListener("visibilitychange", () => {
  clearTimeout(timer);
  if (document.hidden) record({ counters: null, rates: null, health: null });
  else if (!refusal) poll();
});
byId("enter-key").addEventListener("click", () => openKeyDialog(refusal));
onKey((key) => key && poll());
onLanguage(draw);
startShell();
poll();
