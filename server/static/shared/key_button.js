// The button in the top bar that opens the dialog with the API key, and the link to the usage of the
// key; both are hidden while no key is used.

import { currentKey, onKey } from "./api_key.js";
import { element } from "./elements.js";
import { icon } from "./icons.js";
import { openKeyDialog } from "./key_dialog.js";
import { onLanguage, translate } from "./language.js";

let button = null;

// Adds the button to the top bar.
export function addKeyButton(switches) {
  const attributes = { type: "button", id: "key-button", class: "quiet", click: () => openKeyDialog() };
  button = element("button", attributes, icon("key"));
  button.hidden = true;
  switches.prepend(button);
  if (currentKey()) showKeyButton();
  onKey(draw);
  onLanguage(draw);
}

// From now on, also without a key.
export function showKeyButton() {
  if (!button) return;
  button.hidden = false;
  document.querySelector('.bar a[href="usage"]').hidden = false;
}

function draw() {
  const key = currentKey();
  if (key) showKeyButton();
  button.classList.toggle("has-key", Boolean(key));
  const label = translate(key ? "key_button_used" : "key_button_none");
  button.setAttribute("aria-label", label);
  button.title = label;
}
