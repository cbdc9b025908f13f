// What failed, in words, and whether trying again can help.

import { clockTime, hasText, size, timeSpan, translate } from "../shared/language.js";
import { limitValues } from "./limits.js";

// The same file would fail in the same way.
const FINAL = [
  "body_too_large",
  "document_too_large",
  "file_too_large",
  "invalid_image",
  "missing_file",
  "pdf_broken",
  "too_many_pages",
  "too_many_pixels",
  "unsupported_format",
];

// Whether an image may be read if it is sent again, or some pages of a document.
export function canTryAgain({ state, failure, pages }) {
  if (state === "done") return pages.some(canTryAgain);
  return state === "cancelled" || (state === "failed" && !FINAL.includes(failure.code));
}

export function failureText(failure, bytes) {
  const key = `error_${failure.code}`;
  const values = { ...limitValues(), size: size(bytes), when: availability(failure.availableAt) };
  if (hasText(key)) return translate(key, values);
  return failure.detail || translate("error_unexpected_answer");
}

// When the server accepts images again, as a part of a sentence.
function availability(time) {
  if (time === null || time === undefined) return translate("available_later");
  const seconds = Math.ceil((time - Date.now()) / 1000);
  if (seconds <= 0) return translate("available_now");
  const key = seconds < 60 ? "available_in" : "available_at";
  return translate(key, { time: clockTime(time), span: timeSpan(seconds) });
}
