// What all pages share: icons, the switches for language and theme.

import { dressIcons, icon } from "./icons.js";
import { applyLanguage, onLanguage, say, switchLanguage } from "./language.js";
import { remember } from "./preferences.js";

const dark = matchMedia("(prefers-color-scheme: dark)");

export function startShell() {
  dressIcons(document);
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
  remember("theme", theme);
  showTheme();
}

function showTheme() {
  const themeSwitch = document.getElementById("theme-switch");
  if (!themeSwitch) return;
  const label = say(isDark() ? "theme_to_light" : "theme_to_dark");
  themeSwitch.replaceChildren(icon(isDark() ? "sun" : "moon"));
  themeSwitch.setAttribute("aria-label", label);
  themeSwitch.title = label;
}
