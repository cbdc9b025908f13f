// The API key of this browser tab. It is kept in sessionStorage, or in memory where there is none.

// The address is part of the name, because one host may have several servers under different paths.
const NAME = `ocr.key ${new URL(".", location.href).pathname}`;
const listeners = [];
let fallback = null;

export function currentKey() {
  try {
    return sessionStorage.getItem(NAME) ?? fallback;
  } catch {
    return fallback;
  }
}

export function keepKey(key) {
  fallback = key;
  try {
    sessionStorage.setItem(NAME, key);
    fallback = null;
  } catch {
    // There is no storage: the key stays in memory.
  }
  for (const listener of listeners) listener(key);
}

export function forgetKey() {
  fallback = null;
  try {
    sessionStorage.removeItem(NAME);
  } catch {
    // There is no storage.
  }
  for (const listener of listeners) listener(null);
}

// Calls back with the new key, or with null when it is forgotten.
export function onKey(listener) {
  listeners.push(listener);
}

// The key goes only into this header, never into a URL.
export function keyHeaders(key = currentKey()) {
  return key ? { Authorization: `Bearer ${key}` } : {};
}
