// Other renderings of an answer, which the server writes from the result that it has kept.

import { callApi } from "../shared/api.js";
import { noteAllowance } from "./allowance.js";
import { askFor } from "./documents.js";
import { addressWith, optionFields } from "./request_options.js";
import { failureOf, UploadFailure } from "./upload.js";

// Their results have words or a drawing as well, and so are not those that the page has asked for.
const OWN_RESULTS = ["hocr", "tsv", "alto", "image"];

// A Blob; throws UploadFailure. fields: of the rendering. Only if the server has not kept the
// result, the image is sent again.
export async function requestRendering(image, fields, signal) {
  const all = { ...optionFields(image.answeredOptions), ...fields };
  if (image.document) {
    const address = addressWith("/ocr", { ...all, pages: image.number });
    return (await askFor(image.document, address, { method: "POST", signal })).blob();
  }
  if (!OWN_RESULTS.includes(fields.format)) {
    try {
      return await request(addressWith(`results/${image.answer.md5}`, all), { signal });
    } catch (failure) {
      if (failure.status !== 404) throw failure;
    }
  }
  const headers = { "Content-Type": "application/octet-stream" };
  return request(addressWith("ocr", all), { method: "POST", headers, body: image.file, signal });
}

async function request(address, options) {
  try {
    const answer = await callApi(address, options);
    const header = (name) => answer.headers.get(name);
    noteAllowance(header);
    if (answer.ok) return await answer.blob();
    throw failureOf(answer, await answer.text(), header);
  } catch (error) {
    if (error instanceof UploadFailure) throw error;
    throw new UploadFailure(error.name === "AbortError" ? "cancelled" : "network");
  }
}
