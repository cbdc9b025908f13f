// Copies text, also on plain http pages, where the Clipboard API is not available.

import { translate } from "./language.js";
import { flash, showNotice } from "./notices.js";

// Says at the button whether the text was copied, and returns it.
export async function copyText(text, button) {
  const copied = (await copyWithClipboardApi(text)) || copyWithExecCommand(text);
  showNotice(translate(copied ? "copied" : "copy_failed"), button);
  if (copied) flash(button);
  return copied;
}

async function copyWithClipboardApi(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false; // no permission, or not a secure page
  }
}

function copyWithExecCommand(text) {
  const field = document.createElement("textarea");
  const focused = document.activeElement;
  field.value = text;
  field.className = "hidden-text";
  field.setAttribute("aria-hidden", "true");
  document.body.append(field);
  field.select();
  try {
    return document.execCommand("copy");
  } finally {
    field.remove();
    focused?.focus({ preventScroll: true });
  }
}
