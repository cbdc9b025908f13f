// Rates, shares and quantiles between two snapshots of the counters.

import { buckets, sumOf } from "./metrics_text.js";

// The counters of one snapshot; `time` in milliseconds.
export function readCounters(samples, time) {
  return {
    time,
    requests: sumOf(samples, "ocr_request_seconds_count"),
    seconds: buckets(samples, "ocr_request_seconds"),
    reused:
      sumOf(samples, "ocr_cache_requests_total") -
      sumOf(samples, "ocr_cache_requests_total", { result: "miss" }),
    lookups: sumOf(samples, "ocr_cache_requests_total"),
  };
}

// Fields are null without requests. Returns null if the counters were reset by a restart.
export function ratesBetween(before, now) {
  const requests = now.requests - before.requests;
  const seconds = (now.time - before.time) / 1000;
  if (requests < 0 || seconds <= 0 || now.lookups < before.lookups) return null;
  const answered = now.seconds.map(({ bound, count }, index) => ({
    bound,
    count: count - (before.seconds[index]?.count ?? 0),
  }));
  const lookups = now.lookups - before.lookups;
  return {
    perSecond: requests / seconds,
    median: quantile(answered, 0.5),
    p95: quantile(answered, 0.95),
    reusedShare: lookups ? (now.reused - before.reused) / lookups : null,
  };
}

// In milliseconds, interpolated linearly within a bucket like histogram_quantile in Prometheus.
export function quantile(cumulative, share) {
  const all = cumulative.at(-1)?.count ?? 0;
  if (!all) return null;
  const rank = share * all;
  const index = cumulative.findIndex(({ count }) => count >= rank);
  const from = cumulative[index - 1] ?? { bound: 0, count: 0 };
  const to = cumulative[index];
  if (to.bound === Infinity) return from.bound * 1000;
  return (
    (from.bound + (to.bound - from.bound) * ((rank - from.count) / (to.count - from.count))) * 1000
  );
}
