// The page at /status: looks at /healthz and /metrics every two seconds and keeps five minutes.

import { duration, number, onLanguage, say } from "../shared/language.js";
import { parseMetrics, total } from "./metrics_text.js";
import { Plot } from "./plot.js";
import { between, countersOf } from "./rates.js";
import { startShell } from "../shared/shell.js";
import { showAnswers, showDetails, showState, showWorkers } from "./tables.js";

const EVERY_MS = 2000;
const LENGTH = 150;
const LEAST_LENGTH = 30; // a fresh page does not look empty for long
const WINDOW = 5; // looks over which rates are taken: a single one is too nervous
const PATIENCE_MS = 5000;

const part = (name) => document.getElementById(name);
const looks = []; // {counters, rates, health}; rates and health are null where there was no answer
const plots = {
  rate: new Plot(part("rate-plot"), ["first"]),
  latency: new Plot(part("latency-plot"), ["first", "second"]),
  queue: new Plot(part("queue-plot"), ["first", "second"]),
  cache: new Plot(part("cache-plot"), ["first"]),
};
let samples = [];
let timer = 0;
let isLooking = false;

async function look() {
  if (isLooking) return;
  isLooking = true;
  clearTimeout(timer);
  try {
    const [health, metrics] = await Promise.all([fetched("healthz"), fetched("metrics")]);
    samples = parseMetrics(await metrics.text());
    const counters = countersOf(samples, performance.now());
    const earlier = looks.slice(-WINDOW).find((other) => other.counters);
    const rates = earlier ? between(earlier.counters, counters) : null;
    keep({ counters, rates, health: await health.json() });
  } catch {
    keep({ counters: null, rates: null, health: null });
  }
  isLooking = false;
  draw();
  if (!document.hidden) timer = setTimeout(look, EVERY_MS);
}

async function fetched(address) {
  const answer = await fetch(address, {
    cache: "no-store",
    signal: AbortSignal.timeout(PATIENCE_MS),
  });
  if (!answer.ok) throw new Error(`${address}: ${answer.status}`);
  return answer;
}

function keep(entry) {
  looks.push(entry);
  if (looks.length > LENGTH) looks.shift();
}

function draw() {
  const last = looks.at(-1);
  if (!last) return;
  showState(last.health);
  document.body.classList.toggle("stale", !last.health);
  const health = last.health ?? looks.findLast((entry) => entry.health)?.health;
  if (!health) return;
  drawRates(last.rates);
  drawQueue(health);
  drawCache(health, last.rates);
  showWorkers(part("workers"), health.workers);
  showDetails(part("details"), health, total(samples, "process_resident_memory_bytes"));
  showAnswers(part("answers"), samples);
}

function drawRates(rates) {
  const perSecond = rates ? number(rates.perSecond, rates.perSecond < 10 ? 1 : 0) : "–";
  part("rate").textContent = perSecond;
  plots.rate.draw([series((entry) => entry.rates?.perSecond)], {
    least: 1,
    show: (value) => `${number(value)} /s`,
    label: `${say("tile_rate")}: ${perSecond}`,
  });
  const median = rates?.median ?? null;
  const slow = rates?.slow ?? null;
  part("latency").textContent = median === null ? "–" : duration(median);
  part("latency-note").textContent =
    slow === null ? say("no_requests") : say("latency_note", { slow: duration(slow) });
  plots.latency.draw(
    [series((entry) => entry.rates?.median), series((entry) => entry.rates?.slow)],
    {
      least: 10,
      show: duration,
      label: `${say("tile_latency")}: ${part("latency").textContent}, ${part("latency-note").textContent}`,
    },
  );
  const latest = looks.findLast((entry) => entry.counters)?.counters;
  part("rate-note").textContent = latest ? say("rate_note", { n: latest.requests }) : "";
}

function drawQueue(health) {
  const { waiting, running, limit } = health.queue;
  part("queue").textContent = number(waiting);
  part("queue-note").textContent = say("queue_note", { running, limit });
  plots.queue.draw(
    [
      series((entry) => entry.health?.queue.waiting),
      series((entry) => entry.health?.queue.running),
    ],
    {
      least: 5,
      show: (value) => number(value),
      label: `${say("tile_queue")}: ${waiting}, ${part("queue-note").textContent}`,
    },
  );
}

function drawCache(health, rates) {
  const share = rates?.keptShare ?? null;
  part("cache").textContent = share === null ? "–" : `${number(share * 100)} %`;
  const { hit, joined, miss } = health.cache;
  const all = hit + joined + miss;
  const overall = all ? `${number(((hit + joined) / all) * 100)} %` : "–";
  part("cache-note").textContent = say("cache_note", { overall, entries: health.cache.entries });
  plots.cache.draw([series((entry) => entry.rates?.keptShare)], {
    least: 1,
    show: (value) => `${number(value * 100)} %`,
    label: `${say("tile_cache")}: ${part("cache").textContent}, ${part("cache-note").textContent}`,
  });
}

function series(value) {
  const values = looks.map((entry) => value(entry) ?? null);
  return [...Array(Math.max(0, LEAST_LENGTH - values.length)).fill(null), ...values];
}

// Nothing is asked while nobody looks; the plots have a gap then.
document.addEventListener("visibilitychange", () => {
  clearTimeout(timer);
  if (document.hidden) keep({ counters: null, rates: null, health: null });
  else look();
});
onLanguage(draw);
startShell();
look();
