// Parses the parts of the Prometheus text format that the server uses.

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

export function sumOf(samples, name, labels = {}) {
  return matching(samples, name, labels).reduce((sum, { value }) => sum + value, 0);
}

// Cumulative counts of a histogram by upper bound in seconds, ascending.
export function buckets(samples, name) {
  return matching(samples, `${name}_bucket`, {})
    .map(({ labels, value }) => ({ bound: number(labels.le), count: value }))
    .sort((one, other) => one.bound - other.bound);
}

function matching(samples, name, labels) {
  return samples.filter(
    (sample) =>
      sample.name === name &&
      Object.entries(labels).every(([label, value]) => sample.labels[label] === value),
  );
}

function number(text) {
  return text === "+Inf" ? Infinity : Number(text);
}
