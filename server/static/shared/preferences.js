// Preferences in localStorage; in memory where it is not available.

const fallback = new Map();

export function getPreference(name) {
  try {
    return localStorage.getItem(`ocr.${name}`) ?? fallback.get(name) ?? null;
  } catch {
    return fallback.get(name) ?? null;
  }
}

export function setPreference(name, value) {
  fallback.set(name, value);
  try {
    localStorage.setItem(`ocr.${name}`, value);
  } catch {
    // Private window or full storage: the value stays in memory.
  }
}
