// Prometheus' text format, as far as the server writes it.

const SAMPLE = /^(\w+)(?:\{(.*)\})? (\S+)$/;
const LABEL = /(\w+)="((?:[^"\\]|\\.)*)"/g;

// All samples: [{name, labels, value}].
export function parseMetrics(text) {
  const samples = [];
  for (const line of text.split("\n")) {
    const found = SAMPLE.exec(line);
    if (!found || line.startsWith("#")) continue;
    const labels = Object.fromEntries(
      [...(found[2] ?? "").matchAll(LABEL)].map(([, name, value]) => [name, value]),
    );
    samples.push({ name: found[1], labels, value: number(found[3]) });
  }
  return samples;
}

export function total(samples, name, wanted = {}) {
  return chosen(samples, name, wanted).reduce((sum, { value }) => sum + value, 0);
}

// A histogram's cumulative counts by upper bound in seconds, ascending.
export function buckets(samples, name) {
  return chosen(samples, `${name}_bucket`, {})
    .map(({ labels, value }) => ({ bound: number(labels.le), count: value }))
    .sort((one, other) => one.bound - other.bound);
}

function chosen(samples, name, wanted) {
  return samples.filter(
    (sample) =>
      sample.name === name &&
      Object.entries(wanted).every(([label, value]) => sample.labels[label] === value),
  );
}

function number(text) {
  return text === "+Inf" ? Infinity : Number(text);
}
