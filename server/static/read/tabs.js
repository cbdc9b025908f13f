// A row of tabs, of which a click or the arrow keys choose one.

const STEPS = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity };

// onChoose is called with the data-view of each chosen tab, the first time with `initial`.
export function listenForTabs(list, initial, onChoose) {
  const tabs = [...list.querySelectorAll("[role=tab]")];
  const choose = (chosen) => {
    for (const tab of tabs) {
      tab.setAttribute("aria-selected", String(tab === chosen));
      tab.tabIndex = tab === chosen ? 0 : -1;
    }
    onChoose(chosen.dataset.view);
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
  choose(tabs.find((tab) => tab.dataset.view === initial) ?? tabs[0]);
}
