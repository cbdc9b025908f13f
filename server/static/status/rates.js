// What happened between two looks at the counters: rates, shares, and quantiles of a histogram.

import { buckets, total } from "./metrics_text.js";

// The counters of one look; `time` in milliseconds.
export function countersOf(samples, time) {
  return {
    time,
    requests: total(samples, "ocr_request_seconds_count"),
    seconds: buckets(samples, "ocr_request_seconds"),
    kept:
      total(samples, "ocr_cache_requests_total") -
      total(samples, "ocr_cache_requests_total", { result: "miss" }),
    asked: total(samples, "ocr_cache_requests_total"),
  };
}

// null where nothing happened, or where the counters began anew with another server.
export function between(before, now) {
  const requests = now.requests - before.requests;
  const seconds = (now.time - before.time) / 1000;
  if (requests < 0 || seconds <= 0 || now.asked < before.asked) return null;
  const answered = now.seconds.map(({ bound, count }, index) => ({
    bound,
    count: count - (before.seconds[index]?.count ?? 0),
  }));
  const asked = now.asked - before.asked;
  return {
    perSecond: requests / seconds,
    median: quantile(answered, 0.5),
    slow: quantile(answered, 0.95),
    keptShare: asked ? (now.kept - before.kept) / asked : null,
  };
}

// In milliseconds; straight lines within a bucket, as Prometheus' histogram_quantile has them.
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
