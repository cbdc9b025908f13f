// What is said and done about all images of the list: progress, failures, export, clear.

import { listenForExports } from "./exports.js";
import { canTryAgain } from "./failures.js";
import { onLanguage, translate } from "../shared/language.js";
import { FINISHED } from "./session.js";

export class TrayTotals {
  #session;
  #byId;
  #failedOnly = false;

  constructor(session, queue, root) {
    this.#session = session;
    this.#byId = (name) => root.querySelector(`#${name}`);
    session.on("added removed changed", () => this.#draw());
    session.on("cleared", () => this.#drawCleared());
    onLanguage(() => {
      this.#draw();
      this.#drawCleared();
    });
    this.#listen(queue);
  }

  #listen(queue) {
    const byId = this.#byId;
    const session = this.#session;
    byId("cancel-all").addEventListener("click", () => queue.cancelAll());
    byId("clear-all").addEventListener("click", () => {
      session.clear();
      byId("restore").focus();
    });
    byId("restore").addEventListener("click", () => session.restore());
    byId("retry-failed").addEventListener("click", () => queue.retryFailed());
    byId("failed-only").addEventListener("click", () => {
      this.#failedOnly = !this.#failedOnly;
      this.#draw();
    });
    listenForExports(byId("export-all"), () => session.read, session);
  }

  #draw() {
    const { images } = this.#session;
    const byId = this.#byId;
    const count = (state) => images.filter((image) => image.state === state).length;
    const finished = images.filter(({ state }) => FINISHED.includes(state)).length;
    const failed = count("failed");
    this.#drawProgress(finished, { read: count("done"), failed, cancelled: count("cancelled") });
    byId("cancel-all").hidden = finished === images.length;
    byId("clear-all").hidden = finished < images.length;
    byId("export-all").hidden = images.filter(hasText).length < 2;
    this.#drawFailed(failed);
  }

  #drawProgress(finished, counts) {
    const { images } = this.#session;
    const inProgress = images.reduce(
      (sum, { state, sent, pages, finished: read }) =>
        sum + (state === "uploading" ? sent / 2 : state === "recognizing" ? (read / pages.length || 0.5) : 0),
      0,
    );
    const bar = this.#byId("progress");
    bar.max = Math.max(1, images.length);
    bar.value = finished + inProgress;
    const total = translate("progress", { n: finished, total: images.length });
    const outcomes = Object.entries(counts)
      .filter(([name, n]) => n || name === "read")
      .map(([name, n]) => translate(`count_${name}`, { n }))
      .join(translate("list_separator"));
    const differ = counts.failed + counts.cancelled > 0;
    const words = [finished < images.length || !differ ? total : "", differ ? outcomes : ""];
    this.#byId("progress-text").textContent = words.filter(Boolean).join(" · ");
    this.#byId("progress-area").hidden = images.length < 2;
  }

  #drawFailed(failed) {
    const byId = this.#byId;
    const again = this.#session.images.filter(
      (image) => image.state === "failed" && canTryAgain(image),
    ).length;
    if (!failed) this.#failedOnly = false;
    byId("failed-area").hidden = !failed;
    byId("failed-only").textContent = translate("failed_only", { n: failed });
    byId("failed-only").setAttribute("aria-pressed", String(this.#failedOnly));
    byId("tray-list").classList.toggle("failed-only", this.#failedOnly);
    byId("retry-failed").hidden = !again;
    byId("retry-failed-text").textContent = translate("retry_failed", { n: again });
  }

  #drawCleared() {
    const n = this.#session.cleared.length;
    this.#byId("cleared").hidden = !n;
    this.#byId("cleared-text").textContent = translate("cleared", { n });
  }
}

function hasText({ answer, finished }) {
  return answer || finished > 0;
}
