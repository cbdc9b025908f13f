// The text of a result as a person reads it: titles, paragraphs, lists and tables, in reading order,
// without hidden lines and with the user's edits.

import { element } from "../shared/elements.js";
import { isEdited } from "./edits.js";

const HYPHEN = /[-\u2010\u00ad]$/;
const HIGHEST_TITLE = 3; // above it are the headings of the page

// The parts of a text, from the blocks of an answer: {type, level, text, rows}; rows: of a table.
// isShown: whether a line is not hidden.
export function partsOf({ blocks, lines }, isShown) {
  const chosen = (numbers) =>
    numbers.map((number) => ({ line: lines[number], isShown: isShown(lines[number]) }));
  return blocks
    .map((block) => {
      const rows = block.table ? rowsOf(block, chosen) : null;
      const text = rows
        ? rows.map(tabbed).filter(Boolean).join("\n")
        : currentText(block.text, chosen(block.lines));
      return { type: block.type, level: block.level ?? 0, text, rows };
    })
    .filter(({ text }) => text);
}

// Plain text: a blank line between paragraphs, but not between the items of a list.
export function plainText(parts) {
  return parts
    .map(({ type, text }, index) => {
      if (index === 0) return text;
      const isNextItem = type === "list" && parts[index - 1].type === "list";
      return `${isNextItem ? "\n" : "\n\n"}${text}`;
    })
    .join("");
}

export function textElements(parts) {
  const shown = [];
  for (const { type, level, text, rows } of parts) {
    if (rows) shown.push(tableElement(rows));
    else if (type === "title") shown.push(element(`h${Math.min(6, HIGHEST_TITLE - 1 + level)}`, {}, text));
    else if (type !== "list") shown.push(element("p", { class: type === "text" ? null : type }, text));
    else if (shown.at(-1)?.tagName === "UL") shown.at(-1).append(element("li", {}, text));
    else shown.push(element("ul", {}, element("li", {}, text)));
  }
  return shown;
}

function tableElement(rows) {
  const shown = rows.map((cells) => element("tr", {}, ...cells.map(cellElement)));
  const headings = rows.filter(([first]) => first?.isHeading).length;
  return element(
    "table",
    {},
    headings ? element("thead", {}, ...shown.slice(0, headings)) : null,
    element("tbody", {}, ...shown.slice(headings)),
  );
}

function cellElement({ isHeading, text, row_span: rowspan, column_span: colspan }) {
  return element(isHeading ? "th" : "td", { rowspan, colspan }, text);
}

// The cells that begin in each row of a table. Their joined texts are in its HTML, which is read
// without becoming a part of the page.
function rowsOf({ table, html }, chosen) {
  const written = new DOMParser().parseFromString(html, "text/html").querySelectorAll("tr");
  return [...written].map(({ cells: texts }, row) =>
    table.cells
      .filter((cell) => cell.row === row)
      .sort((one, other) => one.column - other.column)
      .map((cell, index) => ({
        ...cell,
        isHeading: row < table.heading_rows,
        text: currentText(texts[index].textContent, chosen(cell.lines)),
      })),
  );
}

// The cells of a row with tabs between them; empty if it has no text.
function tabbed(cells) {
  const columns = [];
  for (const { column, text } of cells) columns[column] = text;
  const row = Array.from(columns, (text) => text ?? "").join("\t");
  return row.trim() ? row : "";
}

// The text that the server joined of these lines, as they are now. How lines are joined is known to
// the server alone, so each line is found in its text, where a hyphen at the end may be missing.
function currentText(joined, chosen) {
  if (chosen.every(({ line, isShown }) => isShown && !isEdited(line))) return joined;
  let text = "";
  let end = 0;
  let gap = "";
  for (const { line, isShown } of chosen) {
    const read = (line.original ?? line.text).trim();
    const now = isShown ? line.text.trim() : "";
    if (!read) {
      if (now) text += (text && (gap || " ")) + now;
      if (now) gap = " ";
      continue;
    }
    const found = placeOf(read, joined, end);
    if (!found) return chosen.map(({ line, isShown }) => isShown && line.text).filter(Boolean).join(" ");
    gap ||= joined.slice(end, found.start);
    end = found.start + found.length;
    if (!now) continue;
    text += (text && gap) + (found.length < read.length ? cut(now) : now);
    gap = "";
  }
  return text.trimEnd();
}

// Where a line is in a joined text: at its end so far, or after a space.
function placeOf(read, joined, end) {
  for (const part of [read, read.replace(HYPHEN, "")]) {
    for (const start of [end, end + 1]) {
      if (joined.startsWith(part, start)) return { start, length: part.length };
    }
  }
  return null;
}

// A line whose hyphen was removed, or would have been if the user had not removed it.
function cut(text) {
  return HYPHEN.test(text) ? text.replace(HYPHEN, "") : `${text} `;
}
