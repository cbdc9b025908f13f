// Short messages: announced by screen readers, or shown briefly on the page.

const NOTICE_MS = 2500;
let hideTimer = 0;

// For screen readers only.
export function announce(text) {
  document.getElementById("spoken").textContent = text;
}

export function showNotice(text) {
  const notice = document.getElementById("notice");
  notice.textContent = text;
  notice.classList.add("shown");
  clearTimeout(hideTimer);
  hideTimer = setTimeout(() => notice.classList.remove("shown"), NOTICE_MS);
}

// Marks a button as successful for a moment.
export function flash(button) {
  button.classList.add("succeeded");
  setTimeout(() => button.classList.remove("succeeded"), NOTICE_MS / 2);
}
