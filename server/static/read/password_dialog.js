// The dialog that asks for the password of a document.

import { element } from "../shared/elements.js";
import { translate } from "../shared/language.js";

let last = Promise.resolve(); // one dialog at a time

// Resolves with the password, or with null if there is none.
export function askPassword(file, signal) {
  const answer = last.then(() => (signal.aborted ? null : open(file, signal)));
  last = answer;
  return answer;
}

function open({ name, password }, signal) {
  const input = element("input", {
    type: "password",
    id: "password-input",
    autocomplete: "off",
    autofocus: true,
    "aria-describedby": "password-error",
  });
  const cancel = text("button", "cancel", { type: "button", id: "password-cancel" });
  const form = element(
    "form",
    { novalidate: true, autocomplete: "off" },
    text("h2", "password_title", { id: "password-title" }),
    element("p", { id: "password-reason" }, translate("password_reason", { name })),
    text("label", "password_label", { for: "password-input" }),
    element("div", { class: "key-field" }, input),
    element("p", { id: "password-error", class: "key-error", role: "alert" }, password ? translate("password_wrong") : ""),
    element("div", { class: "key-buttons" }, cancel, text("button", "password_use", { type: "submit", class: "strong" })),
  );
  const labels = { "aria-labelledby": "password-title", "aria-describedby": "password-reason" };
  const dialog = element("dialog", { id: "password-dialog", class: "key-dialog", ...labels }, form);
  document.body.append(dialog);
  return new Promise((resolve) => {
    let entered = null;
    const close = () => dialog.close();
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      entered = input.value || null;
      dialog.close();
    });
    cancel.addEventListener("click", close);
    signal.addEventListener("abort", close);
    dialog.addEventListener("close", () => {
      signal.removeEventListener("abort", close);
      dialog.remove();
      resolve(entered);
    });
    dialog.showModal();
  });
}

// An element with a text that applyLanguage() keeps up to date.
function text(tag, key, attributes) {
  return element(tag, { ...attributes, "data-text": key }, translate(key));
}
