// On phones, the image and its text are two tabs; elsewhere they are next to each other.

const NARROW = matchMedia("(max-width: 720px)"); // as in page.css
const STEPS = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity };

// list: the tab list, whose buttons control panels in `work`.
export function listenForTabs(list, work) {
  const tabs = [...list.querySelectorAll("[role=tab]")];
  const panels = tabs.map((tab) => document.getElementById(tab.getAttribute("aria-controls")));

  const choose = (chosen) => {
    work.dataset.view = chosen.dataset.view;
    for (const tab of tabs) {
      tab.setAttribute("aria-selected", String(tab === chosen));
      tab.tabIndex = tab === chosen ? 0 : -1;
    }
  };
  const setRoles = () => {
    for (const panel of panels) {
      if (NARROW.matches) panel.setAttribute("role", "tabpanel");
      else panel.removeAttribute("role");
    }
  };

  for (const tab of tabs) tab.addEventListener("click", () => choose(tab));
  list.addEventListener("keydown", (event) => {
    const step = STEPS[event.key];
    if (!step) return;
    event.preventDefault();
    const at = tabs.indexOf(event.target) + step;
    const next = tabs[Math.min(tabs.length - 1, Math.max(0, at))];
    choose(next);
    next.focus();
  });
  NARROW.addEventListener("change", setRoles);
  setRoles();
  choose(tabs.find((tab) => tab.dataset.view === work.dataset.view));
}
