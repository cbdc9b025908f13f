// Text into the clipboard, also where pages from plain http may not use the modern way.

import { say } from "./language.js";
import { announce, flash } from "./notices.js";

export async function copyText(text, button) {
  const copied = (await modernCopy(text)) || plainCopy(text);
  announce(say(copied ? "copied" : "copy_failed"));
  if (copied) flash(button);
}

async function modernCopy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false; // no permission, or no clipboard on an insecure page
  }
}

function plainCopy(text) {
  const field = document.createElement("textarea");
  const before = document.activeElement;
  field.value = text;
  field.className = "hidden-text";
  field.setAttribute("aria-hidden", "true");
  document.body.append(field);
  field.select();
  try {
    return document.execCommand("copy");
  } finally {
    field.remove();
    before?.focus({ preventScroll: true });
  }
}
