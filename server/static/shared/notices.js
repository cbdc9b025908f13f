// Short messages: announced by screen readers, or shown briefly on the page.

const NOTICE_MS = 2500;
const GAP = 6; // pixels
let hideTimer = 0;

// For screen readers only.
export function announce(text) {
  document.getElementById("spoken").textContent = text;
}

// Shown below the button that it is about, or above it where there is no room.
export function showNotice(text, button) {
  const notice = document.getElementById("notice");
  notice.textContent = text;
  const { left, right, top, bottom } = button.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = notice;
  const middle = Math.min((left + right - width) / 2, document.body.clientWidth - width - GAP);
  const below = bottom + GAP + height < innerHeight;
  notice.style.left = `${Math.max(GAP, middle)}px`;
  notice.style.top = `${below ? bottom + GAP : top - GAP - height}px`;
  notice.classList.add("shown");
  clearTimeout(hideTimer);
  hideTimer = setTimeout(() => notice.classList.remove("shown"), NOTICE_MS);
}

// What a message was about may be gone after a click or when the page moves.
for (const name of ["pointerdown", "scroll"]) {
  const hide = () => document.getElementById("notice")?.classList.remove("shown");
  addEventListener(name, hide, { capture: true, passive: true });
}

// Marks a button as successful for a moment.
export function flash(button) {
  button.classList.add("succeeded");
  setTimeout(() => button.classList.remove("succeeded"), NOTICE_MS / 2);
}
