// Requests to the server with the API key of this tab, which ask for a key where one is needed.

import { keyHeaders } from "./api_key.js";
import { anotherKey, credentials } from "./key_request.js";

const KEY_CODES = ["key_required", "key_invalid"];

export class ApiError extends Error {
  constructor(status, code) {
    super(code || `HTTP ${status}`);
    Object.assign(this, { status, code });
  }
}

// Whether a new key may help.
export function needsKey(status, code) {
  return status === 401 && KEY_CODES.includes(code);
}

// Like fetch(), but repeated when the user enters another key. timeout: milliseconds per attempt.
export async function callApi(address, { timeout, headers, ...options } = {}) {
  for (;;) {
    const sent = credentials();
    const all = new Headers(headers);
    for (const [name, value] of Object.entries(keyHeaders(sent.key))) all.set(name, value);
    const signal = timeout ? AbortSignal.timeout(timeout) : options.signal;
    const answer = await fetch(address, { ...options, headers: all, signal });
    if (answer.status !== 401) return answer;
    const code = await errorCode(answer.clone());
    if (!needsKey(answer.status, code) || !(await anotherKey(sent, code))) return answer;
  }
}

// The code in the body of an error of this server; empty for other answers.
export async function errorCode(answer) {
  try {
    return (await answer.json()).error?.code ?? "";
  } catch {
    return "";
  }
}
