// Runs before the first paint, so that a saved theme does not flash.
try {
  const theme = localStorage.getItem("ocr.theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {
  // Storage is not available: use the system theme.
}
