// Downloads of the visible lines, as the user edited them, as .txt, .json and .csv.

import { translate } from "../shared/language.js";
import { showNotice } from "../shared/notices.js";
import { isEdited } from "./edits.js";

const BYTE_ORDER_MARK = "\ufeff"; // without it, spreadsheets read a CSV file as Latin-1
const CORNERS = ["x1", "y1", "x2", "y2", "x3", "y3", "x4", "y4"];

const EXPORTS = {
  txt: { type: "text/plain", write: asText },
  json: { type: "application/json", write: asJson },
  csv: { type: "text/csv", write: asCsv },
};

// The answer for an image without the lines below the minimum confidence and those that the user
// emptied, and without blocks, which have all lines.
export function filteredResult(image, session) {
  const { md5 } = image.answer;
  const { blocks, ...data } = image.answer.data;
  const lines = data.lines
    .filter((line) => session.isShown(line) && !(isEdited(line) && !line.text))
    .map(({ original, ...line }) => line);
  const shown = {
    ...data,
    text: lines.map((line) => line.text).filter((text) => text).join("\n"),
    confidence: averageConfidence(lines),
    lines,
  };
  const page = image.number ? { page: image.number } : {};
  return { file: image.name, ...page, md5, min_confidence: session.threshold, data: shown };
}

// The buttons of a group download the images that images() returns, as one file.
export function listenForExports(group, images, session) {
  for (const button of group.querySelectorAll("[data-export]")) {
    button.addEventListener("click", () => {
      saveImages(button.dataset.export, images(), session);
      showNotice(translate("downloaded"), button);
    });
  }
}

function saveImages(kind, images, session) {
  const { type, write } = EXPORTS[kind];
  const results = images.map((image) => filteredResult(image, session));
  const name = images.length > 1 ? `ocr-results.${kind}` : fileName(images[0].name, kind, images[0].number);
  download(new Blob([write(results)], { type: `${type};charset=utf-8` }), name);
  for (const image of images) image.isSaved = true;
}

export function download(blob, name) {
  const url = URL.createObjectURL(blob);
  Object.assign(document.createElement("a"), { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

// The name of an image with another extension; page: of a document, from 1.
export function fileName(name, extension, page = 0) {
  const stem = name.replace(/\.[^.]*$/, "") || "ocr";
  return `${stem}${page ? `-${page}` : ""}.${extension}`;
}

// The mean confidence weighted by the number of characters, as on the server.
function averageConfidence(lines) {
  const weights = lines.map((line) => Math.max(1, [...line.text].length));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const sum = lines.reduce((before, line, index) => before + line.confidence * weights[index], 0);
  return total ? Math.round((sum / total) * 10_000) / 10_000 : 0;
}

function asText(results) {
  if (results.length === 1) return `${results[0].data.text}\n`;
  return results.map(({ file, page, data }) => `# ${file}${page ? ` ${page}` : ""}\n${data.text}\n`).join("\n");
}

function asJson(results) {
  return `${JSON.stringify(results.length === 1 ? results[0] : results, null, 2)}\n`;
}

function asCsv(results) {
  const hasPages = results.some(({ page }) => page);
  const pageCell = (value) => (hasPages ? [value] : []);
  const rows = [["file", ...pageCell("page"), "line", "text", "confidence", ...CORNERS]];
  for (const { file, page, data } of results) {
    for (const [index, line] of data.lines.entries()) {
      rows.push([file, ...pageCell(page ?? 1), index + 1, line.text, line.confidence, ...line.box.flat()]);
    }
  }
  return BYTE_ORDER_MARK + rows.map((row) => `${row.map(cell).join(",")}\r\n`).join("");
}

// Text that a spreadsheet would treat as a formula is prefixed with an apostrophe.
function cell(value) {
  if (typeof value === "number") return String(value);
  const text = /^[=+\-@\t\r＝＋－＠]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
