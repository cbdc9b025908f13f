// Line icons on a 24 x 24 grid, drawn in the text colour.

import { svgElement } from "./elements.js";

const PATHS = {
  add: "M12 5v14M5 12h14",
  book: "M5 4.5h5a2 2 0 0 1 2 2V20a2 2 0 0 0-2-1.5H5zM19 4.5h-5a2 2 0 0 0-2 2V20a2 2 0 0 1 2-1.5h5z",
  boxes: "M4 5h16v5H4zM4 14h10v5H4z",
  back: "M14.5 5.5L8 12l6.5 6.5",
  camera: "M4 8h3.5L9 5.5h6L16.5 8H20v11H4zM12 10a3.3 3.3 0 1 0 0 6.6 3.3 3.3 0 0 0 0-6.6",
  close: "M6 6l12 12M18 6L6 18",
  copy: "M9 9h10v11H9zM15 9V4H5v11h4",
  edit: "M4 20l1-4.5L16.5 4l3.5 3.5L8.5 19zM14 6.5l3.5 3.5",
  document: "M6 3h8l4 4v14H6zM14 3v4h4M9 12h6M9 16h6",
  done: "M5 12.5l4.5 4.5L19 7.5",
  download: "M12 4v11M7.5 11l4.5 4.5 4.5-4.5M5 20h14",
  fit: "M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5",
  forward: "M9.5 5.5L16 12l-6.5 6.5",
  image: "M4 5h16v14H4zM4 16l5-5 4 4 3-3 4 4M15 9.2v.1",
  key: "M7.5 7.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9M12 12h9.5v4M17.5 12v3",
  language: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18M3 12h18M12 3c5 5 5 13 0 18M12 3c-5 5-5 13 0 18",
  minus: "M5 12h14",
  moon: "M19.5 14.5A8 8 0 0 1 9.5 4.5a8 8 0 1 0 10 10",
  pulse: "M3 12h4l2.5-7 5 14 2.5-7h4",
  retry: "M19 12a7 7 0 1 1-2-4.9M19 4v4h-4",
  rotate: "M4 12h8.5v8H4zM7 8.5V8a4 4 0 0 1 4-4h3a4 4 0 0 1 4 4v5M15 10.5l3 3 3-3",
  search: "M10.5 4.5a6 6 0 1 0 0 12 6 6 0 0 0 0-12M15 15l5 5",
  sun: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8M12 2.5v2M12 19.5v2M2.5 12h2M19.5 12h2M5.3 5.3l1.4 1.4M17.3 17.3l1.4 1.4M5.3 18.7l1.4-1.4M17.3 6.7l1.4-1.4",
  undo: "M8 5L4 9l4 4M4 9h10a5.5 5.5 0 0 1 0 11h-4",
  upload: "M12 16V5M7.5 9L12 4.5 16.5 9M4 16v4h16v-4",
  warning: "M12 4L2.5 20h19zM12 10v5M12 17.3v.4",
};

export function icon(name) {
  return svgElement(
    "svg",
    { class: "icon", viewBox: "0 0 24 24", "aria-hidden": "true", focusable: "false" },
    svgElement("path", { d: PATHS[name] }),
  );
}

// Inserts icons into elements with a data-icon attribute.
export function insertIcons(root) {
  for (const target of root.querySelectorAll("[data-icon]")) {
    if (!target.querySelector(":scope > svg")) target.prepend(icon(target.dataset.icon));
  }
}
