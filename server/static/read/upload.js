// One image to the server and its answer back, or an UploadFailure.

// Where the server gave no code: statuses that proxies answer with on their own.
const CODES_OF_STATUS = { 413: "body_too_large", 429: "rate_limited" };

export class UploadFailure extends Error {
  constructor(code, { detail = "", status = 0, retryAfter = null, requestId = "" } = {}) {
    super(detail || code);
    Object.assign(this, { code, detail, status, retryAfter, requestId });
  }
}

// XMLHttpRequest, because fetch does not tell how much has been sent.
export function upload(file, { signal, onSent, pastCache = false }) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", "ocr");
    request.setRequestHeader("Content-Type", "application/octet-stream");
    if (pastCache) request.setRequestHeader("Cache-Control", "no-cache");
    request.upload.addEventListener("progress", (event) => {
      if (event.lengthComputable && event.total) onSent(event.loaded / event.total);
    });
    request.upload.addEventListener("load", () => onSent(1));
    request.addEventListener("load", () => {
      try {
        resolve(answerOf(request));
      } catch (failure) {
        reject(failure);
      }
    });
    request.addEventListener("error", () => reject(new UploadFailure("network")));
    request.addEventListener("abort", () => reject(new UploadFailure("cancelled")));
    signal.addEventListener("abort", () => request.abort(), { once: true });
    request.send(file);
  });
}

function answerOf(request) {
  const body = parsed(request.responseText);
  if (request.status === 200 && Array.isArray(body?.data?.lines)) {
    return {
      answer: body,
      outcome: request.getResponseHeader("X-Cache") ?? body.cache ?? "",
      age: Number(request.getResponseHeader("Age") ?? 0),
      stages: stagesOf(request.getResponseHeader("Server-Timing") ?? ""),
    };
  }
  const after = Number.parseFloat(request.getResponseHeader("Retry-After") ?? "");
  throw new UploadFailure(
    body?.error?.code ?? CODES_OF_STATUS[request.status] ?? "unexpected_answer",
    {
      detail: body?.error?.message ?? `HTTP ${request.status} ${request.statusText}`.trim(),
      status: request.status,
      retryAfter: Number.isFinite(after) ? after : null,
      requestId: body?.error?.request_id ?? "",
    },
  );
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

// "decode;dur=1.2, cache;desc=hit" as [{name, milliseconds}]; entries without a duration are left out.
export function stagesOf(header) {
  return header
    .split(",")
    .map((entry) => /^\s*([\w-]+)\s*;.*\bdur=([\d.]+)/.exec(entry))
    .filter(Boolean)
    .map(([, name, milliseconds]) => ({ name, milliseconds: Number(milliseconds) }));
}
