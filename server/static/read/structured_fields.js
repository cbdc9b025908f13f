// Lists of strings with parameters, as in the RateLimit headers (RFC 9651).

const ITEM = /\s*"((?:[^"\\]|\\.)*)"((?:\s*;\s*[a-z*][\w.*-]*(?:=(?:"(?:[^"\\]|\\.)*"|[^\s;,"]+))?)*)\s*(?:,|$)/gy;
const PARAMETER = /;\s*([a-z*][\w.*-]*)=(-?\d+)(?=\s*(?:;|$))/g;

// '"day";r=5;t=60, "rate";r=9' becomes a Map from the string to its parameters that are integers.
export function parseList(text) {
  const found = new Map();
  for (const [, name, parameters] of text.matchAll(ITEM)) {
    const pairs = [...parameters.matchAll(PARAMETER)].map(([, key, value]) => [key, Number(value)]);
    found.set(name, Object.fromEntries(pairs));
  }
  return found;
}
