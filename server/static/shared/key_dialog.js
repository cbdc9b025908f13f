// The dialog to enter an API key, or to forget the present one.

import { currentKey, forgetKey, keepKey, keyHeaders } from "./api_key.js";
import { element } from "./elements.js";
import { hasText, onLanguage, translate } from "./language.js";

const REASONS = { key_required: "key_needed", key_invalid: "key_refused" };
const REFUSALS = ["key_required", "key_invalid", "not_allowed", "storage_unavailable"];
const TIMEOUT_MS = 10_000;
// No result has this MD5: a valid key gets a 404, another one is refused.
const TEST_ADDRESS = "results/00000000000000000000000000000000";

let dialog = null;

// Resolves with whether the user entered a key that the server accepts. reason: an error code, or
// empty if the user opened the dialog.
export function openKeyDialog(reason = "") {
  dialog ??= new KeyDialog();
  return dialog.ask(reason);
}

class KeyDialog {
  #dialog;
  #form;
  #input = element("input", {
    type: "password",
    id: "key-input",
    autocomplete: "off",
    autocapitalize: "none",
    spellcheck: "false",
    autofocus: true,
    "aria-describedby": "key-error key-hint",
  });
  #show = element("button", { type: "button", id: "key-show", class: "small" });
  #reason = element("p", { id: "key-reason" });
  #error = element("p", { id: "key-error", class: "key-error", role: "alert" });
  #use = element("button", { type: "submit", id: "key-use", class: "strong" });
  #forget = text("button", "key_forget", { type: "button", id: "key-forget" });
  #why = ""; // an error code
  #problem = ""; // the key of the text in #error
  #accepted = false;
  #asked = null; // {promise, resolve} while it is open
  #check = null; // AbortController of the request that checks the key

  constructor() {
    const cancel = text("button", "cancel", { type: "button", id: "key-cancel" });
    this.#form = element(
      "form",
      { novalidate: true, autocomplete: "off" },
      text("h2", "key_title", { id: "key-title" }),
      this.#reason,
      text("label", "key_label", { for: "key-input" }),
      element("div", { class: "key-field" }, this.#input, this.#show),
      this.#error,
      text("p", "key_hint", { id: "key-hint", class: "faint" }),
      element("div", { class: "key-buttons" }, this.#forget, cancel, this.#use),
    );
    const labels = { "aria-labelledby": "key-title", "aria-describedby": "key-reason" };
    this.#dialog = element("dialog", { id: "key-dialog", class: "key-dialog", ...labels }, this.#form);
    document.body.append(this.#dialog);
    this.#form.addEventListener("submit", (event) => this.#submit(event));
    this.#input.addEventListener("input", () => this.#setProblem(""));
    this.#show.addEventListener("click", () => this.#reveal(this.#input.type === "password"));
    this.#forget.addEventListener("click", () => {
      forgetKey();
      this.#dialog.close();
    });
    cancel.addEventListener("click", () => this.#dialog.close());
    this.#dialog.addEventListener("close", () => this.#onClose());
    onLanguage(() => this.#draw());
  }

  ask(reason) {
    if (this.#asked) return this.#asked.promise;
    this.#asked = Promise.withResolvers();
    this.#why = reason;
    this.#accepted = false;
    this.#reveal(false);
    this.#setProblem("");
    this.#draw();
    this.#dialog.showModal();
    return this.#asked.promise;
  }

  #draw() {
    const key = currentKey();
    const reason = REASONS[this.#why] ?? (key ? "key_in_use" : "key_none");
    this.#reason.textContent = translate(reason, { key: shortened(key) });
    this.#forget.hidden = !key;
    this.#use.textContent = translate(this.#check ? "key_checking" : "key_use");
    this.#show.textContent = translate(this.#input.type === "password" ? "key_show" : "key_hide");
    this.#error.textContent = this.#problem && translate(this.#problem);
  }

  // A revealed key becomes a password again before it is sent, so that no browser stores it as text.
  #reveal(visible) {
    this.#input.type = visible ? "text" : "password";
    this.#draw();
  }

  #setProblem(key) {
    this.#problem = key;
    this.#input.setAttribute("aria-invalid", String(Boolean(key)));
    this.#draw();
  }

  async #submit(event) {
    event.preventDefault();
    if (this.#check) return;
    this.#reveal(false);
    this.#setProblem("");
    const key = this.#input.value.trim();
    const check = (this.#check = new AbortController());
    this.#draw();
    const problem = await problemOf(key, check.signal);
    if (check.signal.aborted) return; // the dialog was closed meanwhile
    this.#check = null;
    this.#setProblem(problem);
    if (problem) {
      this.#input.focus();
      this.#input.select();
    } else {
      this.#accepted = true;
      keepKey(key);
      this.#dialog.close();
    }
  }

  #onClose() {
    this.#check?.abort();
    this.#check = null;
    this.#input.value = "";
    const { resolve } = this.#asked;
    this.#asked = null;
    resolve(this.#accepted);
  }
}

// The key of the text that says why the server does not accept an API key; empty if it does.
async function problemOf(key, signal) {
  if (!key) return "key_empty";
  if (!/^[\x20-\x7e]+$/.test(key)) return "key_wrong"; // cannot be in a header
  try {
    const answer = await fetch(TEST_ADDRESS, {
      cache: "no-store",
      headers: keyHeaders(key),
      signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
    });
    const code = (await answer.json().catch(() => null))?.error?.code;
    if (!REFUSALS.includes(code)) return "";
    return code === "key_invalid" || !hasText(`error_${code}`) ? "key_wrong" : `error_${code}`;
  } catch {
    return "error_network";
  }
}

// Enough of a key to recognize it: `ocr_` and its id, without its secret.
function shortened(key) {
  return /^(ocr_[0-9A-Za-z]{8})_/.exec(key ?? "")?.[1] ?? "•••";
}

// An element with a text that applyLanguage() keeps up to date.
function text(tag, key, attributes) {
  return element(tag, { ...attributes, "data-text": key }, translate(key));
}
