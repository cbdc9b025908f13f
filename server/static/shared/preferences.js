// What is remembered between visits; for this visit only where the browser keeps nothing.

const kept = new Map();

export function remembered(name) {
  try {
    return localStorage.getItem(`ocr.${name}`) ?? kept.get(name) ?? null;
  } catch {
    return kept.get(name) ?? null;
  }
}

export function remember(name, value) {
  kept.set(name, value);
  try {
    localStorage.setItem(`ocr.${name}`, value);
  } catch {
    // Private windows and full storage: kept above for this visit.
  }
}
