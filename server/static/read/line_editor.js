// A text field in place of a line's text: Enter keeps the change, Escape drops it.

import { element } from "../shared/elements.js";
import { translate } from "../shared/language.js";

// save(text) is called with the changed text; close() when the field is gone.
export function openLineEditor(place, text, save, close) {
  const label = translate("edit_field");
  const field = element("textarea", { class: "line-field", rows: "1", "aria-label": label, spellcheck: "false" });
  field.value = text;
  let isOpen = true;
  const end = (isKept) => {
    if (!isOpen) return;
    isOpen = false;
    place.textContent = text;
    if (isKept) save(field.value.replace(/\s*\n\s*/g, " "));
    close();
  };
  field.addEventListener("keydown", (event) => {
    event.stopPropagation(); // the list has keys of its own
    if (event.isComposing || !["Enter", "Escape"].includes(event.key)) return;
    event.preventDefault();
    end(event.key === "Enter");
  });
  field.addEventListener("click", (event) => event.stopPropagation());
  field.addEventListener("blur", () => end(true));
  place.replaceChildren(field);
  field.focus();
  field.select();
}
