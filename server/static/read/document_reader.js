// Reads documents: sends one, and takes its pages as the server has read them.

import { askFor, keep } from "./documents.js";
import { askPassword } from "./password_dialog.js";
import { addressWith, optionFields } from "./request_options.js";
import { parseServerTiming, UploadFailure } from "./upload.js";

// Reads the pages of a document that have no result yet. key: the API key, or null. Throws
// UploadFailure if the document cannot be read to its end; the pages that were read stay.
export async function readDocument(session, document, { key, signal, onProgress, bypassCache }) {
  await open(session, document, { key, signal, onProgress });
  session.setPages(document, document.kept.page_count);
  const pages = document.pages.filter(({ state }) => state !== "done");
  session.change(document, { state: "recognizing", sent: 1 });
  if (!pages.length) return;
  const fields = { format: "ndjson", layout: true, pages: pageList(pages) };
  const headers = bypassCache ? { "Cache-Control": "no-cache" } : {};
  const answer = await askFor(document, addressWith("/ocr", fields), { method: "POST", signal, headers });
  await takePages(session, document, answer, signal);
}

// Reads one page again, with its options.
export async function readPage(page, { signal, bypassCache }) {
  const { options } = page;
  const fields = { ...optionFields(options), layout: true, pages: page.number };
  const headers = bypassCache ? { "Cache-Control": "no-cache" } : {};
  const answer = await askFor(page.document, addressWith("/ocr", fields), { method: "POST", signal, headers });
  const body = await answer.json();
  return {
    answer: answerOf(body.data.pages[0], body),
    outcome: answer.headers.get("X-Cache") ?? "",
    stages: parseServerTiming(answer.headers.get("Server-Timing") ?? ""),
  };
}

// Sends the document, and asks for its password as long as the server needs another one.
async function open(session, document, options) {
  for (;;) {
    try {
      await keep(document, options);
      return;
    } catch (failure) {
      if (failure.code !== "pdf_encrypted") throw failure;
      session.change(document, { state: "encrypted" });
      const password = await askPassword(document, options.signal);
      if (password === null) throw failure;
      document.password = password;
      session.change(document, { state: "uploading", sent: 0 });
    }
  }
}

async function takePages(session, document, answer, signal) {
  let meta = null;
  for await (const event of eventsOf(answer, signal)) {
    if (event.event === "meta") {
      meta = event;
    } else if (event.event === "page") {
      session.changePage(document.pages[event.page - 1], { answer: answerOf(event, meta) });
    } else if (event.event === "page_error") {
      const { code, message } = event.error;
      const failure = new UploadFailure(code, { detail: message, requestId: meta.request_id });
      session.changePage(document.pages[event.page - 1], { failure });
    } else if (event.event === "error") {
      throw new UploadFailure(event.error.code, { detail: event.error.message });
    } else if (event.event === "end") {
      return;
    }
  }
  throw new UploadFailure("network"); // without an end, something is missing
}

// The lines of the answer, as they come.
async function* eventsOf(answer, signal) {
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      const lines = (rest + value).split("\n");
      rest = lines.pop();
      for (const line of lines) yield JSON.parse(line);
    }
  } catch (error) {
    if (signal.aborted) throw new UploadFailure("cancelled");
    throw error instanceof UploadFailure ? error : new UploadFailure("network");
  }
}

// The answer for a page, as for an image; the id differs for each page and reading.
function answerOf({ event, page, error, ...data }, { md5, request_id: requestId }) {
  if (error) throw new UploadFailure(error.code, { detail: error.message, requestId });
  return { data, md5, request_id: `${requestId} ${page}` };
}

// Numbers as the server takes them, such as 1-3,7.
export function pageList(pages) {
  const ranges = [];
  for (const { number } of pages) {
    const last = ranges.at(-1);
    if (last?.[1] === number - 1) last[1] = number;
    else ranges.push([number, number]);
  }
  return ranges.map(([from, to]) => (from === to ? from : `${from}-${to}`)).join(",");
}
