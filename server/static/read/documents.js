// Documents of the session: PDFs and TIFFs, whose pages are like images. See session.js.

import { currentKey } from "../shared/api_key.js";
import { callApi } from "../shared/api.js";
import { noteAllowance } from "./allowance.js";
import { failureOf, send, UploadFailure } from "./upload.js";

// What an item of the session is: an image, a document, or a page of a document.
export function isDocument(item) {
  return item.kind !== "image" && !item.document;
}

// The document of a page; an image or a document is its own.
export function wholeOf(item) {
  return item?.document ?? item;
}

// Has the server keep a document, unless it does so already; throws UploadFailure.
export async function keep(document, { key = currentKey(), signal, onProgress = () => {} } = {}) {
  if (document.kept) return;
  const form = new FormData();
  if (document.password) form.append("password", document.password);
  form.append("file", document.file, "document");
  const request = await send("documents", form, { key, signal, onProgress });
  const header = (name) => request.getResponseHeader(name);
  if (request.status !== 201) throw failureOf(request, request.responseText, header);
  document.kept = JSON.parse(request.responseText).document;
}

// The answer to a request for a kept document. path: below the document's address. A document that
// the server has dropped meanwhile is sent again. Throws UploadFailure for an error.
export async function askFor(document, path, options = {}) {
  for (let attempt = 1; ; attempt += 1) {
    const failure = await keptAgain(document, options.signal);
    if (failure) throw failure;
    const { id } = document.kept;
    const answer = await fetched(`documents/${id}${path}`, options);
    noteAllowance((name) => answer.headers.get(name));
    if (answer.ok) return answer;
    const refused = failureOf(answer, await answer.text(), (name) => answer.headers.get(name));
    if (refused.status !== 404 || attempt > 1) throw refused;
    if (document.kept?.id === id) document.kept = null;
  }
}

// Has the server drop a document that nobody looks at any more, even if the page is being closed.
export function dropKept(document) {
  if (!document.kept) return;
  const address = `documents/${document.kept.id}`;
  document.kept = null;
  callApi(address, { method: "DELETE", keepalive: true }).catch(() => {}); // then it expires
}

// Several requests share one upload. Resolves with the failure, if there is one.
function keptAgain(document, signal) {
  if (document.kept) return null;
  document.keeping ??= keep(document)
    .then(
      () => null,
      (failure) => failure,
    )
    .finally(() => {
      document.keeping = null;
    });
  if (!signal) return document.keeping;
  const stopped = new Promise((resolve) => {
    const stop = () => resolve(new UploadFailure("cancelled"));
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop, { once: true });
  });
  return Promise.race([document.keeping, stopped]);
}

async function fetched(address, options) {
  try {
    return await callApi(address, options);
  } catch (error) {
    throw new UploadFailure(error.name === "AbortError" ? "cancelled" : "network");
  }
}
