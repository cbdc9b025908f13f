// On phones, the image and its result are two tabs; elsewhere they are next to each other.

import { listenForTabs } from "./tabs.js";

const NARROW = matchMedia("(max-width: 720px)"); // as in page.css

// list: the tab list, whose buttons control panels in `work`.
export function listenForPhoneTabs(list, work) {
  const tabs = [...list.querySelectorAll("[role=tab]")];
  const panels = tabs.map((tab) => document.getElementById(tab.getAttribute("aria-controls")));
  const setRoles = () => {
    for (const panel of panels) {
      if (NARROW.matches) panel.setAttribute("role", "tabpanel");
      else panel.removeAttribute("role");
    }
  };
  listenForTabs(list, work.dataset.view, (view) => {
    work.dataset.view = view;
  });
  NARROW.addEventListener("change", setRoles);
  setRoles();
}
