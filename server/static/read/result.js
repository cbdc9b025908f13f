// The result panel: summary, minimum confidence, copy and download, or the error.

import { copyText } from "../shared/clipboard.js";
import { EXPORTS, filteredResult, save } from "./exports.js";
import {
  clockTime,
  hasText,
  number,
  onLanguage,
  percent,
  size,
  timeSpan,
  translate,
} from "../shared/language.js";
import { showNotice } from "../shared/notices.js";
import { FINISHED } from "./session.js";
import { showTimings } from "./timings.js";

const REDRAW_MS = 1000; // of the time until the server accepts images again

export class Result {
  #session;
  #queue;
  #maxBytes;
  #byId;

  constructor(session, queue, root, maxBytes) {
    this.#session = session;
    this.#queue = queue;
    this.#maxBytes = maxBytes;
    this.#byId = (name) => root.querySelector(`#${name}`);
    this.#listen();
    session.on("content", () => this.#draw());
    session.on("threshold", () => this.#count());
    session.on("changed", ({ image }) => {
      if (image === session.selected) this.#draw();
    });
    onLanguage(() => this.#draw());
    setInterval(() => {
      const { selected } = session;
      if (selected?.state === "failed" && selected.failure.availableAt) this.#drawFailure(selected);
    }, REDRAW_MS);
  }

  #listen() {
    const byId = this.#byId;
    const result = () => filteredResult(this.#session.selected, this.#session);
    byId("copy-all").addEventListener("click", () =>
      copyText(result().data.text, byId("copy-all")),
    );
    for (const kind of Object.keys(EXPORTS)) {
      byId(`export-${kind}`).addEventListener("click", () => {
        save(kind, [result()]);
        showNotice(translate("downloaded"));
      });
    }
    byId("recognize-again").addEventListener("click", () =>
      this.#queue.retry(this.#session.selected, true),
    );
    byId("try-again").addEventListener("click", () => this.#queue.retry(this.#session.selected));
    byId("cancel-shown").addEventListener("click", () => this.#queue.cancel(this.#session.selected));
    byId("minimum-confidence").addEventListener("input", (event) => {
      this.#session.setThreshold(Number(event.target.value) / 100);
    });
  }

  #draw() {
    const image = this.#session.selected;
    const byId = this.#byId;
    if (!image) return;
    byId("result-name").textContent = image.name;
    byId("result-done").hidden = !image.answer;
    byId("result-failed").hidden = !["failed", "cancelled"].includes(image.state);
    byId("result-busy").hidden = FINISHED.includes(image.state);
    byId("busy-text").textContent = stateText(image);
    if (image.failure && FINISHED.includes(image.state)) this.#drawFailure(image);
    if (image.answer) {
      showTimings(byId("timings"), image);
      this.#count();
    }
    byId("result-facts").textContent = this.#facts(image);
  }

  #facts(image) {
    const { data } = image.answer ?? {};
    const facts = [size(image.file.size)];
    if (data) facts.unshift(`${number(data.width)} × ${number(data.height)}`);
    if (data?.frames > 1) facts.push(translate("first_page_only", { n: data.frames }));
    return facts.join(" · ");
  }

  #count() {
    const image = this.#session.selected;
    if (!image?.answer) return;
    const { lines } = image.answer.data;
    const { data } = filteredResult(image, this.#session);
    const shown = data.lines.length;
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
    for (const name of ["copy-all", "export-txt", "export-json", "export-csv"]) {
      this.#byId(name).disabled = shown === 0;
    }
  }

  #drawFailure({ failure, file, state }) {
    const byId = this.#byId;
    byId("result-failed").classList.toggle("cancelled", state === "cancelled");
    const message = failureText(failure, file.size, this.#maxBytes);
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

export function failureText(failure, bytes, maxBytes) {
  const key = `error_${failure.code}`;
  const limit = maxBytes ? size(maxBytes) : "?";
  const values = { size: size(bytes), limit, when: availability(failure.availableAt) };
  if (hasText(key)) return translate(key, values);
  return failure.detail || translate("error_unexpected_answer");
}

// When the server accepts images again, as a part of a sentence.
function availability(time) {
  if (time === null || time === undefined) return translate("available_later");
  const seconds = Math.ceil((time - Date.now()) / 1000);
  if (seconds <= 0) return translate("available_now");
  const key = seconds < 60 ? "available_in" : "available_at";
  return translate(key, { time: clockTime(time), span: timeSpan(seconds) });
}

// The state of an image as text.
export function stateText(image) {
  if (image.state === "uploading")
    return translate("state_uploading", { percent: percent(image.sent) });
  if (image.state === "retrying") {
    const key = image.failure.code === "rate_limited" ? "state_rate_limited" : "state_retrying";
    return translate(key, { n: image.secondsLeft });
  }
  return translate(`state_${image.state}`);
}
