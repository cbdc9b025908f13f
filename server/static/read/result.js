// The right-hand side: what was found, the threshold, what can be taken away; or what went wrong.

import { copyText } from "../shared/clipboard.js";
import { EXPORTS, save, shownResult } from "./exports.js";
import { knows, number, onLanguage, say, size } from "../shared/language.js";
import { announce } from "../shared/notices.js";
import { FINISHED } from "./session.js";
import { showTimings } from "./timings.js";

export class Result {
  #session;
  #queue;
  #maxBytes;
  #part;

  constructor(session, queue, root, maxBytes) {
    this.#session = session;
    this.#queue = queue;
    this.#maxBytes = maxBytes;
    this.#part = (name) => root.querySelector(`#${name}`);
    this.#listen();
    session.on("content", () => this.#draw());
    session.on("threshold", () => this.#count());
    session.on("changed", ({ image }) => {
      if (image === session.chosen) this.#draw();
    });
    onLanguage(() => this.#draw());
  }

  #listen() {
    const part = this.#part;
    const result = () => shownResult(this.#session.chosen, this.#session);
    part("copy-all").addEventListener("click", () =>
      copyText(result().data.text, part("copy-all")),
    );
    for (const kind of Object.keys(EXPORTS)) {
      part(`save-${kind}`).addEventListener("click", () => {
        save(kind, [result()]);
        announce(say("saved"));
      });
    }
    part("read-again").addEventListener("click", () =>
      this.#queue.again(this.#session.chosen, true),
    );
    part("try-again").addEventListener("click", () => this.#queue.again(this.#session.chosen));
    part("cancel-shown").addEventListener("click", () => this.#queue.cancel(this.#session.chosen));
    part("threshold").addEventListener("input", (event) => {
      this.#session.setThreshold(Number(event.target.value) / 100);
    });
  }

  #draw() {
    const image = this.#session.chosen;
    const part = this.#part;
    if (!image) return;
    part("result-name").textContent = image.name;
    part("result-done").hidden = !image.answer;
    part("result-failed").hidden = !["failed", "cancelled"].includes(image.state);
    part("result-busy").hidden = FINISHED.includes(image.state);
    part("busy-text").textContent = stateOf(image);
    if (image.failure && FINISHED.includes(image.state)) this.#drawFailure(image);
    if (image.answer) {
      showTimings(part("timings"), image);
      this.#count();
    }
    part("result-facts").textContent = this.#facts(image);
  }

  #facts(image) {
    const { data } = image.answer ?? {};
    const facts = [size(image.file.size)];
    if (data) facts.unshift(`${number(data.width)} × ${number(data.height)}`);
    if (data?.frames > 1) facts.push(say("first_of_frames", { n: data.frames }));
    return facts.join(" · ");
  }

  #count() {
    const image = this.#session.chosen;
    if (!image?.answer) return;
    const { lines } = image.answer.data;
    const { data } = shownResult(image, this.#session);
    const shown = data.lines.length;
    const counted =
      shown === lines.length
        ? say("lines", { n: shown })
        : say("lines_of", { n: lines.length, shown });
    const mean = shown
      ? ` · ${say("confidence_is", { percent: `${number(data.confidence * 100, 1)} %` })}`
      : "";
    this.#part("line-count").textContent = counted + mean;
    const percent = `${number(this.#session.threshold * 100)} %`;
    this.#part("threshold-value").textContent = percent;
    this.#part("threshold").setAttribute("aria-valuetext", percent);
    for (const name of ["copy-all", "save-txt", "save-json", "save-csv"]) {
      this.#part(name).disabled = shown === 0;
    }
  }

  #drawFailure({ failure, file, state }) {
    const part = this.#part;
    part("result-failed").classList.toggle("cancelled", state === "cancelled");
    part("failure-text").textContent = failureText(failure, file.size, this.#maxBytes);
    const parts = [
      failure.code,
      failure.detail,
      failure.requestId && `${say("request_id")} ${failure.requestId}`,
    ];
    part("failure-detail").textContent =
      state === "cancelled" ? "" : parts.filter(Boolean).join(" · ");
  }
}

export function failureText(failure, bytes, maxBytes) {
  const key = `error_${failure.code}`;
  const values = { size: size(bytes), limit: maxBytes ? size(maxBytes) : "?" };
  return say(knows(key) ? key : "error_unexpected_answer", values);
}

// What an image is doing, in words.
export function stateOf(image) {
  if (image.state === "sending")
    return say("state_sending", { percent: `${number(image.sent * 100)} %` });
  if (image.state === "pausing") return say("state_pausing", { n: image.secondsLeft });
  return say(`state_${image.state}`);
}
