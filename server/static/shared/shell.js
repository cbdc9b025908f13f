// Common to all pages: icons, key button, language switch and theme switch.

import { icon, insertIcons } from "./icons.js";
import { addKeyButton } from "./key_button.js";
import { applyLanguage, onLanguage, switchLanguage, translate } from "./language.js";
import { setPreference } from "./preferences.js";

const dark = matchMedia("(prefers-color-scheme: dark)");

export function startShell() {
  insertIcons(document);
  addKeyButton(document.querySelector(".switches"));
  const languageSwitch = document.getElementById("language-switch");
  languageSwitch?.addEventListener("click", switchLanguage);
  const themeSwitch = document.getElementById("theme-switch");
  themeSwitch?.addEventListener("click", switchTheme);
  dark.addEventListener("change", showTheme);
  onLanguage(showTheme);
  applyLanguage();
}

function isDark() {
  const theme = document.documentElement.dataset.theme;
  return theme ? theme === "dark" : dark.matches;
}

function switchTheme() {
  const theme = isDark() ? "light" : "dark";
  document.documentElement.dataset.theme = theme;
  setPreference("theme", theme);
  showTheme();
}

function showTheme() {
  const themeSwitch = document.getElementById("theme-switch");
  if (!themeSwitch) return;
  const label = translate(isDark() ? "switch_to_light" : "switch_to_dark");
  themeSwitch.replaceChildren(icon(isDark() ? "sun" : "moon"));
  themeSwitch.setAttribute("aria-label", label);
  themeSwitch.title = label;
}
