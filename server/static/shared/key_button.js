// The button in the top bar that opens the dialog with the API key; hidden while no key is used.

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
  button.hidden = !currentKey();
  switches.prepend(button);
  onKey(draw);
  onLanguage(draw);
}

// From now on, also without a key.
export function showKeyButton() {
  if (button) button.hidden = false;
}

function draw() {
  const key = currentKey();
  if (key) showKeyButton();
  button.classList.toggle("has-key", Boolean(key));
  const label = translate(key ? "key_button_used" : "key_button_none");
  button.setAttribute("aria-label", label);
  button.title = label;
}
