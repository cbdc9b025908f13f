// Asks for an API key: one dialog for all requests that were refused.

import { currentKey, forgetKey } from "./api_key.js";
import { showKeyButton } from "./key_button.js";
import { openKeyDialog } from "./key_dialog.js";

let asking = null; // the promise of the open dialog
let dismissals = 0;

// What a request is sent with; for anotherKey().
export function credentials() {
  return { key: currentKey(), dismissals };
}

// Resolves with whether the request, which was refused with this error code, should be sent again.
// Requests that were sent before the user dismissed the dialog do not open it again.
export function anotherKey(sent, code) {
  const key = currentKey();
  if (key && key !== sent.key) return Promise.resolve(true);
  if (code === "key_invalid" && key) forgetKey();
  if (sent.dismissals !== dismissals) return Promise.resolve(false);
  asking ??= openKeyDialog(code).then((entered) => {
    asking = null;
    if (!entered) dismissals += 1;
    showKeyButton();
    return entered;
  });
  return asking;
}
