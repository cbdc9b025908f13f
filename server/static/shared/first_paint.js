// Runs before anything is painted, so that a remembered theme does not flash.
try {
  const theme = localStorage.getItem("ocr.theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {
  // Storage is off: the theme of the system it is.
}
