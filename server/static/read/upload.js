// Uploads one file and returns the answer; throws UploadFailure.

import { keyHeaders } from "../shared/api_key.js";
import { noteAllowance } from "./allowance.js";
import { addressWith } from "./request_options.js";

// Error codes for responses without one: these statuses can come from a proxy.
const CODE_BY_STATUS = { 413: "body_too_large", 429: "rate_limited" };

export class UploadFailure extends Error {
  constructor(code, { detail = "", status = 0, retryAfter = null, requestId = "" } = {}) {
    super(detail || code);
    Object.assign(this, { code, detail, status, retryAfter, requestId });
    this.availableAt = retryAfter === null ? null : Date.now() + retryAfter * 1000;
  }
}

// fields: of the request; key: the API key, or null.
export async function upload(file, { fields, key, signal, onProgress, bypassCache = false }) {
  const headers = { "Content-Type": "application/octet-stream" };
  if (bypassCache) headers["Cache-Control"] = "no-cache";
  const address = addressWith("ocr", { ...fields, layout: true });
  return parseAnswer(await send(address, file, { key, signal, onProgress, headers }));
}

// XMLHttpRequest, because fetch does not report upload progress. Resolves with the request when it
// is answered.
export function send(address, body, { key, signal, onProgress, headers = {} }) {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) throw new UploadFailure("cancelled");
    const request = new XMLHttpRequest();
    request.open("POST", address);
    const all = { ...headers, ...keyHeaders(key) };
    for (const [name, value] of Object.entries(all)) request.setRequestHeader(name, value);
    request.upload.addEventListener("progress", (event) => {
      if (event.lengthComputable && event.total) onProgress(event.loaded / event.total);
    });
    request.upload.addEventListener("load", () => onProgress(1));
    request.addEventListener("load", () => {
      noteAllowance((name) => request.getResponseHeader(name));
      resolve(request);
    });
    request.addEventListener("error", () => reject(new UploadFailure("network")));
    request.addEventListener("abort", () => reject(new UploadFailure("cancelled")));
    signal?.addEventListener("abort", () => request.abort(), { once: true });
    request.send(body);
  });
}

function parseAnswer(request) {
  const body = parseJson(request.responseText);
  const header = (name) => request.getResponseHeader(name);
  if (request.status !== 200 || !Array.isArray(body?.data?.lines)) {
    throw failureOf(request, request.responseText, header);
  }
  return {
    answer: body,
    outcome: header("X-Cache") ?? body.cache ?? "",
    age: Number(header("Age") ?? 0),
    stages: parseServerTiming(header("Server-Timing") ?? ""),
  };
}

// What an answer without a result says, from this server or from a proxy. header: a function from
// the name of a header to its value, or null.
export function failureOf({ status, statusText }, text, header) {
  const error = parseJson(text)?.error;
  const after = Number.parseFloat(header("Retry-After") ?? "");
  return new UploadFailure(error?.code ?? CODE_BY_STATUS[status] ?? "unexpected_answer", {
    detail: error?.message ?? `HTTP ${status} ${statusText}`.trim(),
    status,
    retryAfter: Number.isFinite(after) ? after : null,
    requestId: error?.request_id ?? "",
  });
}

function parseJson(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

// Parses "decode;dur=1.2, cache;desc=hit" into [{name, milliseconds}], without entries that have no duration.
export function parseServerTiming(header) {
  return header
    .split(",")
    .map((entry) => /^\s*([\w-]+)\s*;.*\bdur=([\d.]+)/.exec(entry))
    .filter(Boolean)
    .map(([, name, milliseconds]) => ({ name, milliseconds: Number(milliseconds) }));
}
