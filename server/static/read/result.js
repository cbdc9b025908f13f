// The result panel: summary, minimum confidence, download and undo, or the error.

import { canUndo, isEdited, undo } from "./edits.js";
import { filteredResult, listenForExports } from "./exports.js";
import { canTryAgain, failureText } from "./failures.js";
import { showFileName } from "../shared/file_name.js";
import { hasText, number, onLanguage, percent, size, translate } from "../shared/language.js";
import { isScaled, limitValues } from "./limits.js";
import { FINISHED } from "./session.js";
import { showTimings } from "./timings.js";
import { shownAngle } from "./turned.js";

const REDRAW_MS = 1000; // of the time until the server accepts images again

export class Result {
  #session;
  #queue;
  #byId;

  constructor(session, queue, root) {
    this.#session = session;
    this.#queue = queue;
    this.#byId = (name) => root.querySelector(`#${name}`);
    this.#listen();
    session.on("content text", () => this.#draw());
    session.on("threshold", () => this.#count());
    session.on("changed", ({ image }) => {
      if (image === session.selected) this.#drawState();
    });
    onLanguage(() => this.#draw());
    setInterval(() => {
      const { selected } = session;
      if (selected?.state === "failed" && selected.failure.availableAt) this.#drawFailure(selected);
    }, REDRAW_MS);
  }

  #listen() {
    const byId = this.#byId;
    const shown = () => this.#session.selected;
    listenForExports(byId("exports"), () => [shown()], this.#session);
    byId("undo").addEventListener("click", () => undo(this.#session, shown()));
    byId("recognize-again").addEventListener("click", () => this.#queue.retry(shown(), true));
    byId("try-again").addEventListener("click", () => this.#queue.retry(shown()));
    byId("cancel-shown").addEventListener("click", () => this.#queue.cancel(shown()));
    const minimum = byId("minimum-confidence");
    minimum.min = Math.floor(this.#session.threshold * 100);
    minimum.value = minimum.min;
    minimum.addEventListener("input", () => this.#session.setThreshold(Number(minimum.value) / 100));
  }

  #draw() {
    const image = this.#session.selected;
    if (!image) return;
    this.#drawState();
    if (!image.answer) return;
    this.#byId("timings").hidden = !image.outcome; // a page of a stream has none
    showTimings(this.#byId("timings"), image);
    this.#count();
  }

  // What changes while an image is being read.
  #drawState() {
    const image = this.#session.selected;
    const byId = this.#byId;
    showFileName(byId("result-name"), image.name);
    byId("result-done").hidden = !image.answer;
    byId("result-failed").hidden = !["failed", "cancelled"].includes(image.state);
    byId("result-busy").hidden = FINISHED.includes(image.state);
    byId("busy-text").textContent = stateText(image);
    if (image.failure && FINISHED.includes(image.state)) this.#drawFailure(image);
    byId("undo").hidden = !canUndo(image);
    byId("result-facts").textContent = facts(image);
  }

  #count() {
    const image = this.#session.selected;
    if (!image?.answer) return;
    const { lines } = image.answer.data;
    const { data } = filteredResult(image, this.#session);
    const shown = data.lines.length;
    const words = advice(image.answer.data);
    if (this.#byId("advice").textContent !== words) this.#byId("advice").textContent = words;
    this.#byId("advice").hidden = !words;
    const counted =
      shown === lines.length
        ? translate("lines", { n: shown })
        : translate("lines_of", { n: lines.length, shown });
    const mean = shown
      ? ` · ${translate("average_confidence", { percent: percent(data.confidence, 1) })}`
      : "";
    this.#byId("line-count").textContent = counted + mean;
    const minimum = percent(this.#session.threshold);
    this.#byId("minimum-confidence-value").textContent = minimum;
    this.#byId("minimum-confidence").setAttribute("aria-valuetext", minimum);
    for (const button of this.#byId("exports").children) button.disabled = shown === 0;
  }

  #drawFailure(image) {
    const { failure, file, state } = image;
    const byId = this.#byId;
    byId("result-failed").classList.toggle("cancelled", state === "cancelled");
    byId("try-again").hidden = !canTryAgain(image);
    const message = failureText(failure, file.size);
    if (byId("failure-text").textContent !== message) byId("failure-text").textContent = message;
    const details = [
      failure.code,
      failure.detail,
      failure.requestId && `${translate("request_id")} ${failure.requestId}`,
    ];
    byId("failure-detail").textContent =
      state === "cancelled" ? "" : details.filter(Boolean).join(" · ");
  }
}

function facts(image) {
  const data = image.answer?.data;
  const pixels = data ?? image.size;
  const found = image.document ? pageFacts(image) : [size(image.file.size)];
  if (pixels) found.unshift(`${number(pixels.width)} × ${number(pixels.height)}`);
  if (pixels && isScaled(pixels)) found.push(translate("scaled", limitValues()));
  const turn = shownAngle(image);
  if (turn) found.push(translate("shown_turned", { turn }));
  if (data?.scaled_to) {
    const [width, height] = data.scaled_to.map((side) => number(side));
    found.push(translate("read_smaller", { width, height }));
  }
  if (data?.frames > 1 && !image.document) found.push(translate("first_page_only", { n: data.frames }));
  return found.join(" · ");
}

function pageFacts({ document, answer }) {
  const { source, dpi } = answer?.data ?? {};
  const facts = [translate("n_pages", { n: document.pages.length }), size(document.file.size)];
  if (dpi) facts.unshift(translate("dpi", { n: dpi }));
  if (source === "text_layer") facts.unshift(translate("own_text"));
  return facts;
}

// What would help to read the image better; empty if nothing would.
function advice({ quality, degraded, lines }) {
  const problems = (quality?.problems ?? []).map((problem) => translate(`problem_${problem}`));
  const found = problems.length ? [...problems, translate("take_again")] : [];
  if (degraded) found.push(translate("degraded"));
  if (lines.some((line) => line.script === "unsupported" && !isEdited(line)))
    found.push(translate("unsupported_lines"));
  return found.join(" ");
}

// The state of an image as text.
export function stateText(image) {
  if (image.state === "uploading")
    return translate("state_uploading", { percent: percent(image.sent) });
  if (image.state === "retrying") {
    const key = image.failure.code === "rate_limited" ? "state_rate_limited" : "state_retrying";
    return translate(key, { n: image.secondsLeft });
  }
  const reason = `short_${image.failure?.code}`;
  if (image.state === "failed" && hasText(reason)) return translate(reason);
  return translate(`state_${image.state}`);
}
