// Short news: spoken by screen readers, or shown to all as a line that goes away.

const SHOWN_MS = 2500;
let hiding = 0;

// For screen readers only: others see it on the page.
export function speak(text) {
  document.getElementById("spoken").textContent = text;
}

export function announce(text) {
  const notice = document.getElementById("notice");
  notice.textContent = text;
  notice.classList.add("shown");
  clearTimeout(hiding);
  hiding = setTimeout(() => notice.classList.remove("shown"), SHOWN_MS);
}

// The button shows for a moment that it worked.
export function flash(button) {
  button.classList.add("worked");
  setTimeout(() => button.classList.remove("worked"), SHOWN_MS / 2);
}
